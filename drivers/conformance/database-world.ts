/** What the promises of a database are tried with: databases and logins with names of their own, gone afterwards. */
import { strict as assert } from 'node:assert'
import { setTimeout as pause } from 'node:timers/promises'
import type { Contents, DatabaseDriver, Dump, Login, Reach } from '../../server/devices/classes/database.ts'
import type { DatabaseUnderTest, Session } from './database-under-test.ts'
import { Untried } from './promises.ts'
import { within } from './within.ts'

export interface World extends Omit<DatabaseUnderTest, 'client'> {
  again(): Promise<DatabaseDriver>
  kill(): Promise<void>
  freeze(): Promise<() => Promise<void>>
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

/** In every password that is given here, and in none of another run on this machine. */
export const planted = `planted_${process.pid}_`

let made = 0

export async function inWorld(it: DatabaseUnderTest, play: (world: World) => Promise<void>): Promise<void> {
  const names: string[] = []
  const sessions: Session[] = []
  const driver = patient(it.driver, it.patience)
  let missing: Untried | null = null
  const needed = <T>(what: T | null, why: string): T => {
    if (what !== null) return what
    missing = new Untried(why)
    throw missing
  }
  const name = () => {
    made += 1
    const fresh = `c${process.pid}_${made}`
    names.push(fresh)
    return fresh
  }
  const login = () => ({ user: name(), password: `${planted}${made}_secret` })
  const open = async (reach: Reach, who: Login) => {
    const client = needed(it.client, 'it needs a client of what the server speaks')
    const session = await within(it.patience, 'opening a session', client.open(reach, who))
    sessions.push(session)
    return session
  }
  const world: World = {
    ...it,
    driver,
    again: async () => patient(await it.again(), it.patience),
    kill: async () => needed(it.kill, 'it needs somebody who kills the server')(),
    freeze: async () => needed(it.freeze, 'it needs somebody who halts the server')(),
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
    // A proof that expects an error must not take this one for it.
    if (missing) throw missing
  } catch (error) {
    throw missing ?? error
  } finally {
    await Promise.allSettled(sessions.map((session) => session.close()))
    const left = (await driver.list().catch(() => [])).filter((database) => names.includes(database))
    await Promise.allSettled(left.map((database) => driver.drop(database)))
  }
}

/** As `inWorld`, where dumps are concerned. What has none, such as a cache, says so in a sentence, and is not held to them. */
export function inDumps(it: DatabaseUnderTest, play: (world: World) => Promise<void>): Promise<void> {
  return inWorld(it, async (world) => {
    const refusal = refusals.get(it.driver) ?? refusalOf(world)
    refusals.set(it.driver, refusal)
    const words = await refusal
    if (words !== null) throw new Untried(words)
    await play(world)
  })
}

/** Each driver is asked once. */
const refusals = new WeakMap<DatabaseDriver, Promise<string | null>>()

async function refusalOf(world: World): Promise<string | null> {
  return world.driver.inspect(await world.database()).then(
    () => null,
    (error) => (error.code === 'refused' ? error.message : null),
  )
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

export function contentsOf(world: Pick<DatabaseUnderTest, 'patience'>, dump: Dump): Promise<Contents> {
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
