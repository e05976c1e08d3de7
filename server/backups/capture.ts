/** What a backup of the server holds: the kernel's own state, its keys, the repositories and added drivers. Not images, logs or volumes. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readFolder } from '../devices/driver-folder.ts'
import { packDriver } from '../devices/driver-tar.ts'
import { messageOf } from '../errors.ts'
import type { Bundles } from '../push/bundles.ts'
import { appsInBackup } from '../state/backup-contents.ts'
import type { Store } from '../state/store.ts'
import type { Part } from './archive.ts'

/** Raised when a program that reads only the formats before could not restore it. */
export const format = 2

export interface CapturePorts {
  readonly home: string
  /** Its spool has the parts while they are made; they are as private as what they are made of. */
  readonly paths: { readonly spool: string; readonly backups: string; readonly drivers: string }
  readonly version: string
  readonly store: Pick<Store, 'backup' | 'domains'>
  readonly bundles: Bundles
}

export interface Captured {
  apps: number
  /** Sentences about what could not be saved because it is not there any more. */
  readonly warnings: string[]
}

/**
 * The state first, then the repositories as that state needs them: a push in between is in neither. Each part is on the
 * disk only until the next one is asked for.
 */
export async function* capture(
  ports: CapturePorts,
  captured: Captured,
  emit: (line: string) => void,
): AsyncGenerator<Part> {
  const folder = join(ports.paths.spool, `backup-${randomUUID()}`)
  await mkdir(folder, { mode: 0o700 })
  try {
    const made = async (name: string, content: string): Promise<Part> => {
      const path = join(folder, name)
      await writeFile(path, content, { mode: 0o600 })
      return { name, path }
    }
    yield await made('about.json', JSON.stringify({ format, program: ports.version, at: new Date().toISOString() }))
    emit('-----> Saving the state')
    const state = join(folder, 'state.sqlite')
    await ports.store.backup(state)
    yield { name: 'state.sqlite', path: state }
    yield await made('settings.env', await settings(ports))
    yield* hostKeys(ports.home)
    yield* addedDrivers(ports.paths.drivers, captured)
    const apps = appsInBackup(state)
    captured.apps = apps.length
    emit('-----> Saving the repositories')
    for (const app of apps) {
      if (app.commits.length > 0) emit(`       ${app.name}`)
      const path = join(folder, app.id)
      const { missing } = await ports.bundles.save(app, path)
      for (const commit of missing) captured.warnings.push(lost(app.name, commit))
      if (!existsSync(path)) continue
      yield { name: `repositories/${app.id}.bundle`, path }
      await rm(path)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Choices of the operator. Addresses, paths and the proxies on the way out belong to the machine. */
export const carried =
  /^MEGAPOLOS_(USER|DOMAIN|HTTP_PORT|SSH_PORT|PANEL_PORT|RQLITE_PORT|STORE|BASES|POOL|BUILD_FIREWALL)=[\w.:/-]*$/

async function settings({ home, store }: CapturePorts): Promise<string> {
  const kept = (await readFile(join(home, 'settings.env'), 'utf8').catch(() => '')).split('\n')
  // A port of the machine's own sshd is that machine's affair; the domain may have changed since the first start.
  const others = kept.includes('MEGAPOLOS_SSHD=own') ? /^MEGAPOLOS_DOMAIN=/ : /^MEGAPOLOS_(DOMAIN|SSH_PORT)=/
  const lines = kept.filter((line) => carried.test(line) && !others.test(line))
  return `${[...lines, `MEGAPOLOS_DOMAIN=${await store.domains.global()}`].join('\n')}\n`
}

/** Of an SSH door of our own: clients must not be told that it became another. The machine's sshd has its keys elsewhere. */
async function* hostKeys(home: string): AsyncGenerator<Part> {
  const folder = join(home, 'sshd')
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^host_[a-z0-9]+(\.pub)?$/.test(name))
  for (const name of names.sort()) yield { name: `sshd/${name}`, path: join(folder, name) }
}

/** Those of the operator, a tar each: what may be executed is part of what was approved. */
async function* addedDrivers(folder: string, { warnings }: Captured): AsyncGenerator<Part> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const { name } of entries.filter((entry) => entry.isDirectory() && driverName.test(entry.name))) {
    try {
      yield { name: `drivers/${name}.tar`, bytes: await packDriver(await readFolder(join(folder, name))) }
    } catch (error) {
      warnings.push(`The driver ${name} is not in the backup: ${messageOf(error)}.`)
    }
  }
}

/** What begins with a dot is on its way in or out. */
const driverName = /^[a-z][a-z0-9-]{0,29}$/

function lost(app: string, commit: string): string {
  return `The commit ${commit.slice(0, 7)} of a release of ${app} is not in its repository any more, so it is not in the backup.`
}
