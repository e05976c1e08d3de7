/** Knows the drivers: every sub-folder with a `driver.json` is one. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { DeviceClass, Manifest } from '../domain/device.ts'
import { messageOf, UserError } from '../errors.ts'
import type { ArchiveDriver } from './classes/archive.ts'
import type { BuilderDriver } from './classes/builder.ts'
import type { DatabaseDriver } from './classes/database.ts'
import type { ProxyDriver } from './classes/proxy.ts'
import type { StorageDriver } from './classes/storage.ts'
import type { CreateDriver } from './driver.ts'
import { parseManifest } from './manifest.ts'

/** What a driver of each class gives. */
export interface Drivers {
  readonly proxy: ProxyDriver
  readonly builder: BuilderDriver
  readonly database: DatabaseDriver
  readonly storage: StorageDriver
  readonly archive: ArchiveDriver
}

export interface BrokenDriver {
  readonly folder: string
  /** What is wrong with it, a sentence. */
  readonly problem: string
}

export interface Registry {
  /** By name. */
  readonly drivers: readonly Manifest[]
  /** These are not used, and harm nothing else. */
  readonly broken: readonly BrokenDriver[]
  /** Throws `not-found`. */
  manifest(name: string): Manifest
  /** Imports the driver's code, the first time it is asked for. */
  load<C extends DeviceClass>(name: string, deviceClass: C): Promise<CreateDriver<Drivers[C]>>
}

export async function loadRegistry(folder: string): Promise<Registry> {
  const drivers: Manifest[] = []
  const broken: BrokenDriver[] = []
  for (const name of await subFolders(folder)) {
    const read = await readDriver(folder, name)
    if (read === null) continue
    if ('problem' in read) broken.push({ folder: name, problem: read.problem })
    else drivers.push(read.manifest)
  }
  const manifest = (name: string) => {
    const found = drivers.find((driver) => driver.name === name)
    if (found !== undefined) return found
    const problem = broken.find((driver) => driver.folder === name)?.problem
    throw new UserError(
      'not-found',
      problem === undefined ? `There is no driver ${name}.` : `The driver ${name} is not used: ${problem}`,
      drivers.length === 0 ? undefined : `Drivers: ${drivers.map((driver) => driver.name).join(', ')}`,
    )
  }
  return { drivers, broken, manifest, load: (name, deviceClass) => load(folder, manifest(name), deviceClass) }
}

async function subFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
}

/** Null for a folder that is no driver. */
async function readDriver(folder: string, name: string): Promise<{ manifest: Manifest } | { problem: string } | null> {
  let text: string
  try {
    text = await readFile(join(folder, name, 'driver.json'), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    return { problem: `driver.json cannot be read: ${messageOf(error)}.` }
  }
  const read = parseManifest(text)
  if ('problem' in read) return { problem: `driver.json ${read.problem}.` }
  if (read.manifest.name !== name) {
    return { problem: `driver.json says the name ${read.manifest.name}, but the folder is ${name}.` }
  }
  return read
}

async function load<C extends DeviceClass>(
  folder: string,
  manifest: Manifest,
  deviceClass: C,
): Promise<CreateDriver<Drivers[C]>> {
  if (manifest.class !== deviceClass) {
    throw new UserError('usage', `${manifest.name} is a driver of the class ${manifest.class}, not ${deviceClass}.`)
  }
  const file = join(folder, manifest.name, 'index.ts')
  const code = (await import(pathToFileURL(file).href)) as { createDriver?: CreateDriver<Drivers[C]> }
  if (typeof code.createDriver !== 'function') throw new Error(`${file} does not export createDriver`)
  return code.createDriver
}
