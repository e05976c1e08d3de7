/** The steps of a push, and how each is made to last: by what is pushed, or by freezing the one that has to answer. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Cell, letGo, logsHave, until } from './cell.ts'
import { family, freeze, lives, processes } from './processes.ts'

export interface Step {
  readonly name: string
  /** The version that waits there by itself until it is let go (test/apps/held). */
  readonly held?: { readonly version: 'before' | 'after'; readonly at: string }
  /** Else what it froze is thawed when the victim is back. */
  readonly thaws?: 'at once'
  /** The pushed tree is large. */
  readonly bulky?: true
  /** Resolves when the push is there and stays there. What it returns thaws what it froze. */
  reach(cell: Cell): Promise<() => void>
}

export const steps: readonly Step[] = [
  {
    name: 'receive',
    bulky: true,
    async reach(cell) {
      await until('git receives the pack', async () => (await quarantines(cell)).length > 0)
      const thaw = freeze(await family(cell.pushing.pid))
      if ((await processes((words) => words.includes(cell.commit))).length > 0) throw new Error('all of it has come')
      return thaw
    },
  },
  {
    name: 'spool',
    bulky: true,
    async reach(cell) {
      let found: number[] = []
      await until('the hook sends the tree', async () => {
        const archives = await processes((words) => words[1] === 'archive' && words.includes(cell.commit))
        found = archives.map(({ pid }) => pid)
        return found.length > 0
      })
      const thaw = freeze(found)
      if (!(await Promise.all(found.map(lives))).includes(true)) throw new Error('all of it has come')
      return thaw
    },
  },
  {
    name: 'build',
    held: { version: 'after', at: 'build' },
    reach: (cell) => said(cell, 'held at build'),
  },
  {
    name: 'release task',
    held: { version: 'after', at: 'release task' },
    reach: (cell) => said(cell, 'held at release task'),
  },
  {
    name: 'start',
    held: { version: 'after', at: 'start' },
    reach: (cell) => logged(cell, 'held at start'),
  },
  {
    name: 'check',
    held: { version: 'after', at: 'check' },
    reach: (cell) => logged(cell, 'held at check'),
  },
  {
    // All is checked, and the store is asked to let the new release serve.
    name: 'decide',
    thaws: 'at once',
    held: { version: 'after', at: 'check' },
    reach: (cell) => decided(cell),
  },
  {
    // The store has said yes, and the proxy is told.
    name: 'switch',
    thaws: 'at once',
    held: { version: 'after', at: 'check' },
    async reach(cell) {
      const thawStore = await decided(cell)
      const thawProxy = freeze(await family(await cell.at.system.pid('proxy')))
      thawStore()
      await until('the store lets the new release serve', async () => (await release(cell)) === 2)
      return thawProxy
    },
  },
  {
    name: 'drain',
    held: { version: 'before', at: 'drain' },
    reach: (cell) => pushed(cell),
  },
  {
    name: 'stop',
    held: { version: 'before', at: 'stop' },
    reach: (cell) => logged(cell, 'held at stop'),
  },
]

export async function quarantines({ at, id }: Cell): Promise<string[]> {
  const objects = join(at.system.home, 'repositories', `${id}.git/objects`)
  return (await readdir(objects, { recursive: true })).filter((name) => /(^|\/)(tmp_|incoming)/.test(name))
}

/** The release that serves, as the store has it. */
export async function release({ at, app }: Cell): Promise<number> {
  return JSON.parse(await at.system.console('apps:info', app, '--format', 'json')).release
}

async function said(cell: Cell, text: string): Promise<() => void> {
  await until(`the push says "${text}"`, () => cell.pushing.said().includes(text))
  return () => {}
}

async function logged(cell: Cell, text: string): Promise<() => void> {
  await until(`a container says "${text}"`, () => logsHave(cell.id, text))
  return () => {}
}

async function pushed(cell: Cell): Promise<() => void> {
  const { exit, output } = await cell.pushing.ended
  if (exit !== 0) throw new Error(`the push was refused:\n${output}`)
  return () => {}
}

async function decided(cell: Cell): Promise<() => void> {
  await logged(cell, 'held at check')
  const thaw = freeze(await family(await cell.at.system.pid('rqlite')))
  const stop = letGo(cell.after)
  await until('the store is asked', () => storeIsAsked(cell))
  await stop()
  return thaw
}

/** Somebody wrote to the store's port, and it has not read it. */
async function storeIsAsked({ at }: Cell): Promise<boolean> {
  const port = at.system.rqlitePort.toString(16).toUpperCase().padStart(4, '0')
  const sockets = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((line) => line.trim().split(/\s+/))
  return sockets.some(
    ([, local, , state, queues]) => local === `0100007F:${port}` && state === '01' && !queues?.endsWith(':00000000'),
  )
}
