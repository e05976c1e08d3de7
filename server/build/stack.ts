/** What all images of ours are made of where Docker Hub is out of reach, and how one that others start from is built. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BuilderDriver } from '../devices/classes/builder.ts'
import type { Engine } from '../engine/engine.ts'
import { makeStack, packFolder, withFolder } from './base-sources.ts'

export interface Maker {
  /** Label of the images: `megapolos.system`. */
  readonly system: string
  readonly builder: () => BuilderDriver
  readonly engine: Pick<Engine, 'image'>
}

const stackRelease = 'bookworm'

/** Debian's smallest system as an image, for servers that do not reach Docker Hub. */
export async function ensureStack(maker: Maker, log: (line: string) => void): Promise<string> {
  const tag = stackTag()
  if (await maker.engine.image(tag)) return tag
  log(`Making a Debian ${stackRelease} image from the archive`)
  await withFolder(async (folder) => {
    await makeStack(stackRelease, join(folder, 'rootfs.tar'))
    const source = await packFolder(folder)
    const files = {
      Dockerfile:
        'FROM scratch\nADD rootfs.tar /\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nCMD ["bash"]\n',
    }
    await buildBase(maker, { source, dockerfile: 'Dockerfile', files, tag }, log)
  })
  return tag
}

export function stackTag(): string {
  const recipe = readFileSync(join(import.meta.dirname, 'base-sources.ts'))
  return `megapolos/stack:${stackRelease}-${hash(recipe)}`
}

/** Builds an image that others start from; it has its own name as a label, by which the collector knows it. */
export async function buildBase(
  maker: Maker,
  request: { source: string; dockerfile: string; files: Record<string, string>; tag: string },
  log: (line: string) => void,
): Promise<void> {
  const labels = { 'megapolos.base': request.tag, 'megapolos.system': maker.system }
  const quiet = (line: string) => {
    // The output of apt is of no interest to a pusher unless it fails, and then the error has it.
    if (!line.startsWith(' ')) log(line.length > 100 ? `${line.slice(0, 100)}…` : line)
  }
  await maker
    .builder()
    .build({ app: 'bases', ignore: [], secrets: {}, labels, ...request }, quiet, new AbortController().signal)
}

export async function hubAnswers(): Promise<boolean> {
  try {
    // Any answer will do, also "unauthorized".
    await fetch('https://registry-1.docker.io/v2/', { signal: AbortSignal.timeout(5000) })
    return true
  } catch {
    return false
  }
}

function hash(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 10)
}
