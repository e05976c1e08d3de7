/** What the promises of a database are tried with: databases and logins with names of their own, gone afterwards. */
import { strict as assert } from 'node:assert'
import { setTimeout as pause } from 'node:timers/promises'
import type { Contents, DatabaseDriver, Dump, Login, Reach } from '../../server/devices/classes/database.ts'
import type { DatabaseUnderTest, Session } from './database-under-test.ts'
import { within } from './within.ts'

export interface World extends DatabaseUnderTest {
  /** A name that nothing else has. */
  name(): string
  /** One that is there. */
  database(): Promise<string>
  login(): Login
  /** Lets a new login in, and comes in with it. */
  enter(database: string): Promise<Entered>
  open(reach: Reach, login: Login): Promise<Session>
}

export interface Entered {
  readonly login: Login
  readonly reach: Reach
  readonly session: Session
}

let made = 0

export async function inWorld(it: DatabaseUnderTest, play: (world: World) => Promise<void>): Promise<void> {
  const names: string[] = []
  const sessions: Session[] = []
  const driver = patient(it.driver, it.patience)
  const name = () => {
    made += 1
    const fresh = `c${process.pid}_${made}`
    names.push(fresh)
    return fresh
  }
  const login = () => ({ user: name(), password: `planted_${process.pid}_${made}_secret` })
  const open = async (reach: Reach, who: Login) => {
    const session = await within(it.patience, 'opening a session', it.client.open(reach, who))
    sessions.push(session)
    return session
  }
  const world: World = {
    ...it,
    driver,
    again: () => patient(it.again(), it.patience),
    name,
    login,
    open,
    database: async () => {
      const fresh = name()
      await driver.create(fresh)
      return fresh
    },
    enter: async (database) => {
      const who = login()
      const reach = await driver.grant(database, who)
      return { login: who, reach, session: await open(reach, who) }
    },
  }
  try {
    await play(world)
  } finally {
    await Promise.allSettled(sessions.map((session) => session.close()))
    const left = (await driver.list().catch(() => [])).filter((database) => names.includes(database))
    await Promise.allSettled(left.map((database) => driver.drop(database)))
  }
}

function patient(driver: DatabaseDriver, seconds: number): DatabaseDriver {
  return new Proxy(driver, {
    get: (target, key) => {
      const call = Reflect.get(target, key) as unknown
      if (typeof call !== 'function') return call
      return (...words: unknown[]) => within(seconds, String(key), Promise.resolve(call.apply(target, words)))
    },
  })
}

export async function until(seconds: number, what: string, done: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + seconds * 1000
  while (!(await done())) {
    if (Date.now() > end) throw new assert.AssertionError({ message: `${what}: not within ${seconds} s` })
    await pause(20)
  }
}

/** Reads a dump whole. */
export async function dumped(world: World, database: string): Promise<{ bytes: Buffer; contents: Contents }> {
  const dump = await world.driver.dump(database, new AbortController().signal)
  const chunks: Buffer[] = []
  for await (const chunk of dump.bytes) chunks.push(chunk as Buffer)
  return { bytes: Buffer.concat(chunks), contents: await contentsOf(world, dump) }
}

export function contentsOf(world: DatabaseUnderTest, dump: Dump): Promise<Contents> {
  return within(world.patience, 'the contents of a dump', dump.contents)
}

/** A failure for people, with one of these codes. */
export async function fails(call: Promise<unknown>, ...codes: readonly string[]): Promise<void> {
  const error = await call.then(
    () => null,
    (error: unknown) => error as Error & { code?: string },
  )
  assert(error !== null, `it succeeded, and should have failed as ${codes.join(' or ')}`)
  assert(codes.includes(error.code ?? ''), `it failed as ${error.code}, not as ${codes.join(' or ')}: ${error.stack}`)
}
