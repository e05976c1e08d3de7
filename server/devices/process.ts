/** A program's streams and its end, as drivers are given them. */
import type { Readable, Writable } from 'node:stream'
import type { Process } from './driver.ts'

export interface Program {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  readonly exit: Promise<number>
  kill(): void
}

export function processOf({ stdin, stdout, stderr, exit, kill }: Program, signal?: AbortSignal): Process {
  // A program may end before it has read everything; its exit code tells more than a broken pipe.
  stdin.on('error', () => {})
  const said = lastBytes(stderr)
  const ended = exit
    .then(async (code) => ({ code, stderr: await said }))
    .finally(() => {
      signal?.removeEventListener('abort', kill)
    })
  // Whoever is only after the output may not look at it.
  ended.catch(() => {})
  if (signal?.aborted) kill()
  else signal?.addEventListener('abort', kill, { once: true })
  return { stdin, stdout, ended }
}

const kept = 4096

async function lastBytes(stream: Readable): Promise<string> {
  let last: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of stream) last = Buffer.concat([last, chunk as Buffer]).subarray(-kept)
  } catch {
    // Cut off: what came until then is what it said.
  }
  return last.toString()
}
