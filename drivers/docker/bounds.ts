/**
 * What the builds of an engine may take, all of them together. BuildKit ignores the limits that a build is given, but
 * its steps run in cgroups: below one parent, or, where systemd makes them, each in a scope of its own.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'

export interface Bounds {
  /** Bytes. */
  readonly memory: number
  readonly processes: number
}

/** The rest is for what serves meanwhile. */
const defaults: Bounds = { memory: Math.floor(totalmem() * 0.75), processes: 4096 }

/** Milliseconds after which a scope that systemd made, or made anew, is bound. */
const pause = 200

/** Holds until it is disposed of. The cgroup files are the same for all systems of a machine: the values are, too. */
export async function boundBuilds(bounds = defaults, root = '/sys/fs/cgroup'): Promise<Disposable> {
  await bind(root, bounds)
  const timer = setInterval(() => void bind(root, bounds), pause)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

async function bind(root: string, { memory, processes }: Bounds): Promise<void> {
  const values = { 'memory.max': memory, 'memory.limit_in_bytes': memory, 'pids.max': processes }
  // Version 2 has one tree, version 1 one for each controller.
  for (const tree of [root, join(root, 'memory'), join(root, 'pids')]) {
    for (const group of await groups(tree)) {
      for (const [file, value] of Object.entries(values)) {
        await writeFile(join(group, file), String(value), { flag: 'r+' }).catch(ignore)
      }
    }
  }
}

async function groups(tree: string): Promise<string[]> {
  const parent = join(tree, 'docker/buildkit')
  // Before the first build of an engine it is not there; its own parent is, where the engine makes cgroups.
  await mkdir(parent).catch(ignore)
  const slice = join(tree, 'system.slice')
  const scopes = (await readdir(slice).catch(() => [])).filter((name) => scope.test(name))
  return [parent, ...scopes.map((name) => join(slice, name))]
}

/** BuildKit's names have 25 letters and digits; those of containers have 64. */
const scope = /^docker-[a-z0-9]{25}\.scope$/

/** A machine without such a file or controller has no such bound, and builds all the same. */
function ignore(): void {}
