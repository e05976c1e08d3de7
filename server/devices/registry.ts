/**
 * Knows the drivers: every sub-folder with a `driver.json` is one. Those of the program are read at the start; those that
 * the operator keeps come, change and go while the kernel runs.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { DeviceClass, Manifest } from '../domain/device.ts'
import { messageOf, UserError } from '../errors.ts'
import type { ArchiveDriver } from './classes/archive.ts'
import type { BuilderDriver } from './classes/builder.ts'
import type { CertificateDriver } from './classes/certificate.ts'
import type { DatabaseDriver } from './classes/database.ts'
import type { ProxyDriver } from './classes/proxy.ts'
import type { StorageDriver } from './classes/storage.ts'
import type { CreateDriver } from './driver.ts'
import { digestOf, readFolder } from './driver-folder.ts'
import { parseManifest } from './manifest.ts'

/** What a driver of each class gives. */
export interface Drivers {
  readonly proxy: ProxyDriver
  readonly builder: BuilderDriver
  readonly database: DatabaseDriver
  readonly storage: StorageDriver
  readonly archive: ArchiveDriver
  readonly certificate: CertificateDriver
}

export interface BrokenDriver {
  readonly folder: string
  /** What is wrong with it, a sentence. */
  readonly problem: string
}

export interface FoundDriver {
  readonly manifest: Manifest
  readonly folder: string
  /** `program`: came with this program. `home`: the operator put it there. */
  readonly from: 'program' | 'home'
  /** Of everything in the folder; null for a module, whose code is this program's. */
  readonly digest: string | null
}

export interface Registry {
  /** By name. */
  readonly drivers: readonly Manifest[]
  /** These are not used, and harm nothing else. */
  readonly broken: readonly BrokenDriver[]
  /** Throws `not-found`. */
  manifest(name: string): Manifest
  /** Throws `not-found`. */
  found(name: string): FoundDriver
  /** Imports a module's code, the first time it is asked for; a container is started at its first call. */
  load<C extends DeviceClass>(name: string, deviceClass: C): Promise<CreateDriver<Drivers[C]>>
  /** Looks at the operator's folder again. Names of drivers that came, changed or went. */
  rescan(): Promise<string[]>
}

/** The operator's drivers, which run as containers, and what runs those. */
export interface Apart {
  readonly folder: string
  load(name: string): CreateDriver<object>
}

export async function loadRegistry(program: string, home: Apart | null = null): Promise<Registry> {
  const shipped = await scan(program, 'program')
  let own = home ? await scan(home.folder, 'home') : nothing
  let all = merged(shipped, own)
  /** One scan after another: of two at once the older one could be the last to say what is there. */
  let turn: Promise<unknown> = Promise.resolve()

  const found = (name: string) => {
    const driver = all.drivers.get(name)
    if (driver) return driver
    const problem = all.broken.get(name)
    throw new UserError(
      'not-found',
      problem === undefined ? `There is no driver ${name}.` : `The driver ${name} is not used: ${problem}`,
      all.drivers.size === 0 ? undefined : `Drivers: ${[...all.drivers.keys()].join(', ')}`,
    )
  }
  return {
    get drivers() {
      return [...all.drivers.values()].map(({ manifest }) => manifest)
    },
    get broken() {
      return [...all.broken].map(([folder, problem]) => ({ folder, problem }))
    },
    found,
    manifest: (name) => found(name).manifest,
    async load(name, deviceClass) {
      const { manifest, folder } = found(name)
      if (manifest.class !== deviceClass) {
        throw new UserError('usage', `${name} is a driver of the class ${manifest.class}, not ${deviceClass}.`)
      }
      if (manifest.runs === 'module') return importModule(folder)
      if (home) return home.load(name) as CreateDriver<Drivers[typeof deviceClass]>
      throw new UserError('unavailable', `${name} runs as a container, and nothing here runs those.`)
    },
    rescan() {
      const mine = turn.then(async () => {
        if (!home) return []
        const before = all
        own = await scan(home.folder, 'home')
        all = merged(shipped, own)
        return different(before, all)
      })
      turn = mine.catch(() => {})
      return mine
    },
  }
}

interface Scan {
  readonly drivers: ReadonlyMap<string, FoundDriver>
  /** Folder → what is wrong with it. */
  readonly broken: ReadonlyMap<string, string>
}

const nothing: Scan = { drivers: new Map(), broken: new Map() }

async function scan(parent: string, from: FoundDriver['from']): Promise<Scan> {
  const drivers = new Map<string, FoundDriver>()
  const broken = new Map<string, string>()
  for (const name of await subFolders(parent)) {
    const read = await readDriver(join(parent, name), name, from)
    if (read === null) continue
    if ('problem' in read) broken.set(name, read.problem)
    else drivers.set(name, read)
  }
  return { drivers, broken }
}

/** An operator's driver may stand in for one of the program that runs as a container, but never for trusted code. */
function merged(shipped: Scan, own: Scan): Scan {
  const drivers = new Map(shipped.drivers)
  const broken = new Map(shipped.broken)
  for (const [name, driver] of own.drivers) {
    if (shipped.drivers.get(name)?.manifest.runs === 'module') {
      broken.set(name, 'a driver of the program has this name.')
    } else {
      drivers.set(name, driver)
      broken.delete(name)
    }
  }
  for (const [name, problem] of own.broken) if (!drivers.has(name)) broken.set(name, problem)
  return { drivers: sorted(drivers), broken: sorted(broken) }
}

function sorted<T>(map: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  return new Map([...map].sort(([one], [other]) => (one < other ? -1 : 1)))
}

function different(before: Scan, after: Scan): string[] {
  const print = ({ drivers, broken }: Scan, name: string) => drivers.get(name)?.digest ?? broken.get(name)
  const names = new Set([before, after].flatMap(({ drivers, broken }) => [...drivers.keys(), ...broken.keys()]))
  return [...names].filter((name) => print(before, name) !== print(after, name)).sort()
}

/** What begins with a dot is on its way in or out. */
async function subFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort()
}

/** Null for a folder that is no driver. */
export async function readDriver(
  folder: string,
  name: string,
  from: FoundDriver['from'],
): Promise<FoundDriver | { problem: string } | null> {
  let text: string
  try {
    text = await readFile(join(folder, 'driver.json'), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    return { problem: `driver.json cannot be read: ${messageOf(error)}.` }
  }
  const read = parseManifest(text)
  if ('problem' in read) return { problem: `driver.json ${read.problem}.` }
  const { manifest } = read
  if (manifest.name !== name) {
    return { problem: `driver.json says the name ${manifest.name}, but the folder is ${name}.` }
  }
  if (manifest.runs === 'module') {
    if (from === 'program') return { manifest, folder, from, digest: null }
    return { problem: 'it runs as a module, and only the code of the program itself is trusted so far.' }
  }
  try {
    return { manifest, folder, from, digest: digestOf(await readFolder(folder)) }
  } catch (error) {
    return { problem: `${messageOf(error)}.` }
  }
}

async function importModule<T>(folder: string): Promise<CreateDriver<T>> {
  const file = join(folder, 'index.ts')
  const code = (await import(pathToFileURL(file).href)) as { createDriver?: CreateDriver<T> }
  if (typeof code.createDriver !== 'function') throw new Error(`${file} does not export createDriver`)
  return code.createDriver
}
