/** Answers pushes that git must not see: node-git-server falls silent for ever on refs that are no branches and no tags. */
import type { ServerResponse } from 'node:http'
import type { Body } from './git-body.ts'
import { Refusal } from './git-gate.ts'

// No line separator of any kind: node-git-server would not find the end of the name, and wait for ever.
const wellFormed = /^[0-9a-f]{40} [0-9a-f]{40} (refs\/[^\0\n\r\u2028\u2029]+)(\0|\n?$)/
const known = /^refs\/(heads|tags)\//

/** Names of pushed refs that are neither branch nor tag. Throws when this is no push at all. */
export function strangeRefs(lines: readonly string[]): string[] {
  const updates = lines.filter((line) => !line.startsWith('shallow '))
  const refs = updates.map((line) => wellFormed.exec(line)?.[1])
  if (refs.includes(undefined) || !updates[0]?.includes('\0'))
    throw new Refusal(400, ' !     This is no push of git’s.')
  return (refs as string[]).filter((ref) => !known.test(ref))
}

/** Takes the pack in, which git sends in any case, and says what git itself would say after its hook refused. */
export async function refuseRefs(
  refs: readonly string[],
  { lines, rest }: Body,
  response: ServerResponse,
): Promise<void> {
  for await (const _ of rest);
  const updates = lines.flatMap((line) => wellFormed.exec(line)?.[1] ?? [])
  const report = ['unpack ok\n', ...updates.map((name) => `ng ${name} pre-receive hook declined\n`)].map(line)
  const sentence = ` !     ${refs[0]} is not a branch; only branches are deployed.\n`
  // Two channels in one stream: what people read, and what git reads.
  const pieces = [`\x02${sentence}`, ...[...report, flush].map((piece) => `\x01${piece}`)]
  response.writeHead(200, { 'content-type': 'application/x-git-receive-pack-result' })
  response.end(pieces.map(line).join('') + flush)
}

const flush = '0000'

function line(text: string): string {
  return (Buffer.byteLength(text) + 4).toString(16).padStart(4, '0') + text
}
