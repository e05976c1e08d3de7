/** What was installed, in a file of the device's folder: a driver that begins anew finds its server by it. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DriverHost } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'

export interface Installed {
  readonly as: 'container' | 'node' | 'adopted'
  /** Major version; null while a first installation has not come that far. */
  readonly version: string | null
  /** What the first installation asked for; null: whatever comes with the system. The same image is made of it again. */
  readonly asked: string | null
  /** Of an adopted one. */
  readonly server?: { readonly host: string; readonly port: number; readonly user: string }
}

const pathOf = (host: DriverHost) => join(host.folder, 'installed.json')

export async function readInstalled(host: DriverHost): Promise<Installed | null> {
  try {
    return JSON.parse(await readFile(pathOf(host), 'utf8')) as Installed
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

export async function noteInstalled(host: DriverHost, installed: Installed): Promise<void> {
  await writeFile(`${pathOf(host)}.new`, `${JSON.stringify(installed)}\n`, { mode: 0o600 })
  await rename(`${pathOf(host)}.new`, pathOf(host))
}

export function forgetInstalled(host: DriverHost): Promise<void> {
  return rm(pathOf(host), { force: true })
}

/** What to ask for now. A server never starts on the files of another major version: it would not even come up. */
export function askedNow(before: Installed | null, wanted: string | null): string | null {
  const there = before?.version ?? null
  if (there === null) return wanted
  if (wanted === null) return before?.asked ?? null
  if (wanted === there) return wanted
  throw new UserError(
    'refused',
    `This device has data of PostgreSQL ${there}, which ${wanted} cannot use.`,
    'Install a second device with that version, and move the databases there with db:clone.',
  )
}
