/**
 * Images with server software: the official one of Docker Hub, or one made of Debian's packages. Named by what they are
 * made of, so each is made once. One that is there is used again, whichever way it came: a server's files are not to move
 * between two builds of it because Docker Hub answers today.
 */
import { createHash } from 'node:crypto'
import type { ImageSource } from '../devices/driver.ts'
import { messageOf, UserError } from '../errors.ts'
import { packFolder, withFolder } from './base-sources.ts'
import type { BasesConfig } from './bases.ts'
import { buildBase, ensureStack, hubAnswers, type Maker, stackTag } from './stack.ts'

export type DeviceImage = (source: ImageSource, progress: (line: string) => void) => Promise<string>

/** Throws `refused` when no way leads to the software. Calls for the same image share one build. */
export function createDeviceImages(maker: Maker, mode: BasesConfig['mode']): DeviceImage {
  const building = new Map<string, Promise<string>>()
  return (source, progress) => {
    const key = JSON.stringify(source)
    const running = building.get(key)
    if (running) return running
    const made = ensure(maker, mode, source, progress).finally(() => building.delete(key))
    building.set(key, made)
    return made
  }
}

/** What the image with these packages is called, made or not. */
export function debianImageName(maker: Pick<Maker, 'system'>, { packages, lines }: ImageSource['debian']): string {
  return tagOf(maker, ['debian', stackTag(), ...packages, ...lines])
}

async function ensure(
  maker: Maker,
  mode: BasesConfig['mode'],
  { hub, debian, debianVersion }: ImageSource,
  progress: (line: string) => void,
): Promise<string> {
  const hubTag = hub === null ? null : tagOf(maker, ['hub', hub])
  const debianTag = debianImageName(maker, debian)
  for (const tag of [hubTag, debianTag]) {
    const there = tag === null ? null : await maker.engine.image(tag)
    if (there !== null) return there.id
  }
  if (hub !== null && hubTag !== null && (mode === 'hub' || (mode === 'auto' && (await hubAnswers())))) {
    try {
      progress(`Fetching ${hub} from Docker Hub`)
      return await build(maker, hubTag, [`FROM ${hub}`], progress)
    } catch (error) {
      if (mode === 'hub') throw error
      progress(`Docker Hub did not help (${messageOf(error)}); going on with Debian's archive`)
    }
  }
  if (debianVersion !== undefined) throw onlyOnHub(hub ?? '', debianVersion)
  const stack = await ensureStack(maker, progress)
  progress(`Making an image with ${debian.packages.join(', ')} from Debian's archive`)
  return build(maker, debianTag, [`FROM ${stack}`, install(debian.packages), ...debian.lines], progress)
}

function onlyOnHub(hub: string, debianVersion: string): UserError {
  const message = `${hub} is only on Docker Hub, which does not help here; Debian's archive has version ${debianVersion}.`
  return new UserError('refused', message, `Take that one: --version ${debianVersion}`)
}

function tagOf({ system }: Pick<Maker, 'system'>, content: readonly string[]): string {
  const hash = createHash('sha256').update(content.join('\0')).digest('hex').slice(0, 16)
  return `megapolos/device:${system}-${hash}`
}

function install(packages: readonly string[]): string {
  const wrong = packages.find((name) => !/^[a-z0-9][a-z0-9+.-]+$/.test(name))
  if (wrong !== undefined) throw new UserError('usage', `"${wrong}" is no name of a package.`)
  return [
    'RUN apt-get update',
    `DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages.join(' ')}`,
    'rm -rf /var/lib/apt/lists/* /var/cache/apt/*',
  ].join(' && ')
}

async function build(
  maker: Maker,
  tag: string,
  lines: readonly string[],
  progress: (line: string) => void,
): Promise<string> {
  await withFolder(async (empty) => {
    const source = await packFolder(empty)
    const files = { Dockerfile: `${lines.join('\n')}\n` }
    await buildBase(maker, { source, dockerfile: 'Dockerfile', files, tag }, progress)
  })
  const made = await maker.engine.image(tag)
  if (made !== null) return made.id
  throw new UserError('unavailable', `Docker has lost the image ${tag} that it has just made.`)
}
