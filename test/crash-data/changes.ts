/** What is disturbed: a command, what can be told by whether it was done, and how its end is taken back. */
import type { InSystem } from '../in-system.ts'
import { stored } from '../stored.ts'
import { cache, server } from './servers.ts'

/** Of everything here; it is attached to a database of its name from the start. */
export const app = 'blog'
export const database = `${app}-${server}`

export interface Change {
  readonly name: string
  readonly words: readonly string[]
  /** Of its job. */
  readonly kind: string
  /** A word in the sentences about what may stay half done until the same words are said again. */
  readonly half?: string
  /** Says something else once it was done. */
  mark(at: InSystem): Promise<string>
  /** Makes room for the same words again, after they were done. */
  undo(at: InSystem): Promise<void>
}

const extra = 'extra'

export const changes: readonly Change[] = [
  attach('attach', 'postgres', []),
  attach('attach a cache', cache, ['--as', 'CACHE']),
  {
    name: 'rotate',
    words: ['db:credentials', database, '--rotate'],
    kind: 'rotate',
    mark: (at) => said(at, `SELECT user FROM credentials WHERE database = '${database}' AND state = 'live'`),
    undo: async () => {},
  },
  {
    name: 'capture',
    words: ['backups:capture', database, '--to', 'disk'],
    kind: 'backup',
    mark: (at) => said(at, "SELECT count(*) FROM backups WHERE state = 'verified'"),
    undo: async () => {},
  },
  {
    name: 'restore',
    words: ['backups:restore', database],
    kind: 'restore',
    mark: (at) => said(at, `SELECT handle FROM databases WHERE name = '${database}'`),
    async undo(at) {
      const kept = await stored(at.system, `SELECT name FROM databases WHERE name LIKE '${database}-before-%'`)
      for (const { name } of kept) await at.system.console('db:destroy', String(name), '--confirm', String(name))
    },
  },
  mount('mount', []),
  mount('mount at a path', ['--path', '/data']),
  {
    name: 'install',
    words: ['devices:install', 'postgres', '--name', extra],
    kind: 'devices:install',
    half: extra,
    mark: (at) => said(at, `SELECT name FROM devices WHERE name = '${extra}' AND state = 'ready'`),
    undo: async ({ system }) => void (await system.console('devices:remove', extra, '--confirm', extra)),
  },
]

function attach(name: string, on: string, more: readonly string[]): Change {
  return {
    name,
    words: ['db:attach', app, extra, '--create', on, ...more],
    kind: 'attach',
    mark: (at) => said(at, `SELECT alias FROM attachments WHERE database = '${extra}'`),
    async undo({ system }) {
      await system.console('db:detach', app, extra)
      await system.console('db:destroy', extra, '--confirm', extra)
    },
  }
}

/** Of a volume that is there from the start. */
function mount(name: string, more: readonly string[]): Change {
  return {
    name,
    words: ['volumes:attach', app, 'uploads', ...more],
    kind: 'attach-volume',
    mark: (at) => said(at, "SELECT name || ' ' || state FROM volume_attachments WHERE state <> 'attaching'"),
    undo: async ({ system }) => void (await system.console('volumes:detach', app, 'uploads')),
  }
}

async function said({ system }: InSystem, question: string): Promise<string> {
  return JSON.stringify(await stored(system, question))
}
