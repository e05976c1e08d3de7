/**
 * A house to try backups in: a real store, a real queue of jobs, a real directory as archive. Only the database server is
 * a fixture, in memory, because its faults must come when they are called; the real ones have their own suites.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { inDirectory } from '../drivers/volume/directory.ts'
import type { DatabaseAccess } from '../server/attachments/access.ts'
import { createArchives } from '../server/backups/archives.ts'
import { createDataBackups, type DataBackups } from '../server/backups/data-backups.ts'
import { databaseSubjects } from '../server/backups/database-subjects.ts'
import type { Subjects } from '../server/backups/subject.ts'
import type { ArchiveDriver } from '../server/devices/classes/archive.ts'
import type { Contents, DatabaseDriver, Dump } from '../server/devices/classes/database.ts'
import { UserError } from '../server/errors.ts'
import { createJobs } from '../server/jobs/jobs.ts'
import { quiet, startStore } from '../server/state/stores-for-test.ts'

type Rows = Readonly<Record<string, readonly string[]>>
export interface FixtureDatabase {
  tables: Rows
  definitions: readonly string[]
}

export interface FixtureServer {
  /** By handle. */
  readonly databases: Map<string, FixtureDatabase>
  /** By name: what apps would see. */
  readonly named: Map<string, string>
  /** Faults: calls that behave differently from now on. */
  faults: Partial<Pick<DatabaseDriver, 'dump' | 'restore' | 'inspect'>>
  readonly access: DatabaseAccess
  scratches(): string[]
}

export function contentsOf({ tables, definitions }: FixtureDatabase): Contents {
  const sum = (rows: readonly string[]) => [...rows].sort().join('|')
  const list = Object.entries(tables).map(([name, rows]) => ({ name, rows: rows.length, checksum: sum(rows) }))
  return { tables: list.sort((a, b) => (a.name < b.name ? -1 : 1)), definitions: [...definitions].sort() }
}

/** Many small pieces, as a pipe gives them. */
export function dumpOf(database: FixtureDatabase): Dump {
  const text = Buffer.from(JSON.stringify(database))
  const pieces = Array.from({ length: Math.ceil(text.length / 4096) }, (_, n) =>
    text.subarray(n * 4096, (n + 1) * 4096),
  )
  return { bytes: Readable.from(pieces), contents: Promise.resolve(contentsOf(database)) }
}

export function fixtureServer(driverName = 'fixture'): FixtureServer {
  const databases = new Map<string, FixtureDatabase>()
  const named = new Map<string, string>()
  const there = (handle: string) => {
    const found = databases.get(handle)
    if (!found) throw new UserError('not-found', `There is no database ${handle}.`)
    return found
  }
  const good = {
    dump: async (handle: string) => dumpOf(there(handle)),
    inspect: async (handle: string) => contentsOf(there(handle)),
    restore: async (handle: string, bytes: Readable) => {
      const text = Buffer.concat(await Array.fromAsync(bytes as AsyncIterable<Buffer>)).toString()
      databases.set(handle, JSON.parse(text))
    },
  }
  const server: FixtureServer = {
    databases,
    named,
    faults: {},
    scratches: () => [...databases.keys()].filter((handle) => ![...named.values()].includes(handle)),
    access: {
      driver: async () => ({ ...good, ...server.faults }) as unknown as DatabaseDriver,
      find: async (name) => {
        const handle = named.get(name)
        const rest = { device: 'server', state: 'ready', lost: false, createdAt: '', createdBy: '' } as const
        return handle === undefined ? null : { name, handle, ...rest }
      },
      devicesOf: async (driver) => (driver === driverName ? ['server'] : []),
      driverOf: async () => driverName,
      scratch: async (device) => {
        const handle = `scratch_${randomBytes(4).toString('hex')}`
        databases.set(handle, { tables: {}, definitions: [] })
        const drop = async () => void ([...named.values()].includes(handle) || databases.delete(handle))
        return { device, handle, drop }
      },
      keep: async (name, { device, handle }) => {
        named.set(name, handle)
        return { name, device, handle, state: 'ready', lost: false, createdAt: '', createdBy: '' }
      },
      replace: async ({ name, handle }, scratch) => {
        named.set(`${name}-before`, handle)
        named.set(name, scratch.handle)
        return { kept: `${name}-before` }
      },
    },
  }
  return server
}

export const blog: FixtureDatabase = {
  tables: { posts: Array.from({ length: 2000 }, (_, n) => `post ${n} ${'x'.repeat(40)}`), users: ['ann', 'bob'] },
  definitions: ['CREATE INDEX posts_by_date ON posts (date)', 'CREATE VIEW latest AS …'],
}

const noSubjects: Subjects = {
  find: async () => null,
  scratch: async () => {
    throw new UserError('not-found', 'There are no volumes.')
  },
}

export type House = Awaited<ReturnType<typeof openHouse>>

export async function openHouse(server = fixtureServer(), archiveFolder?: string) {
  const { store, folder, config, key, stop } = await startStore('sqlite')
  const path = archiveFolder ?? join(folder, 'archive')
  await mkdir(path, { recursive: true })
  const built = {
    driver: 'volume',
    class: 'archive',
    node: 'local',
    as: 'adopted',
    version: null,
    state: 'ready',
  } as const
  await store.devices.add({ name: 'disk', ...built, settings: { path } })
  server.databases.set('blog_1', structuredClone(blog))
  server.named.set('blog', 'blog_1')

  const place: { driver: ArchiveDriver } = { driver: inDirectory(path) }
  const archives = createArchives(
    { archives: async () => [{ name: 'disk', volume: null }], archive: async () => place.driver },
    store,
  )
  const journal: string[] = []
  const open = (): DataBackups =>
    createDataBackups({
      ...{ store, archives, key, log: quiet },
      jobs: createJobs({
        ...{ store, log: quiet, logs: config.paths.logs, live: { wake: () => {} } },
        journal: { record: ({ text }) => journal.push(text) },
      }),
      subjects: { database: databaseSubjects(server.access), volume: noSubjects },
    })
  const lines: string[] = []
  return {
    ...{ server, store, folder, path, place, archives, key, journal, lines, stop },
    asker: { actor: 'ann', emit: (line: string) => lines.push(line), signal: new AbortController().signal },
    backups: open(),
    /** As after a restart of the kernel. */
    again: open,
    files: async () => (await readdir(path, { recursive: true })).filter((name) => /\.(age|part)$/.test(name)),
  }
}
