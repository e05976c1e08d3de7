/** Looks at the servers every few seconds, and at everything every few minutes, so that the journal knows since when. */
import type { ProxyDriver } from '../devices/classes/proxy.ts'
import type { Engine } from '../engine/engine.ts'
import { messageOf } from '../errors.ts'
import type { Journal } from '../events/journal.ts'
import type { Live } from '../live/live.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'
import type { Doctor } from './doctor.ts'

export interface RoundsParts {
  readonly doctor: Doctor
  readonly journal: Pick<Journal, 'record'>
  readonly engine: Pick<Engine, 'version'>
  readonly store: Pick<Store, 'ping'>
  readonly live: Pick<Live, 'available'>
  readonly proxy: () => ProxyDriver
  readonly log: Log
}

/** Milliseconds. */
const defaults = { servers: 10_000, everything: 600_000 }

/** Ends when `signal` aborts. The first look of each kind is after its pause: at the start of the kernel much is on its way up. */
export function makeRounds(parts: RoundsParts, signal: AbortSignal, every = defaults): void {
  const servers = createServersRound(parts)
  const everything = createRound(parts)
  const timers = [repeat(servers, every.servers, parts.log), repeat(everything, every.everything, parts.log)]
  signal.addEventListener('abort', () => timers.forEach(clearInterval), { once: true })
}

function createServersRound({ journal, engine, store, live, proxy }: RoundsParts): () => Promise<void> {
  const looks: Readonly<Record<string, () => Promise<boolean>>> = {
    Docker: () => answers(engine.version()),
    'The store': () => answers(store.ping(2_000)),
    Redis: async () => live.available(),
    'The proxy': async () => (await proxy().status()).running,
  }
  /** Since when each does not answer. */
  const away = new Map<string, number>()

  return async () => {
    const now = Date.now()
    await Promise.all(
      Object.entries(looks).map(async ([name, look]) => {
        const since = away.get(name)
        const there = await look().catch(() => false)
        if (there === (since === undefined)) return
        if (there) away.delete(name)
        else away.set(name, now)
        const text = there
          ? `${name} answers again, after ${Math.round((now - (since ?? now)) / 1000)} s.`
          : `${name} does not answer.`
        journal.record({ kind: 'device', text, bad: !there })
      }),
    )
  }
}

/** The journal is read by people who may not see what `server:doctor` says, so it says only what it is about. */
function createRound({ doctor, journal }: RoundsParts): () => Promise<void> {
  let before: ReadonlySet<string> = new Set()
  return async () => {
    const { findings } = await doctor.examine()
    const now = new Set(findings.filter(({ severity }) => severity !== 'note').map(({ check }) => check))
    for (const one of changes(before, now)) journal.record({ kind: 'doctor', ...one })
    before = now
  }
}

function changes(before: ReadonlySet<string>, now: ReadonlySet<string>): { text: string; bad: boolean }[] {
  const wrong = [...now].filter((name) => !before.has(name))
  const well = [...before].filter((name) => !now.has(name))
  return [
    ...wrong.map((name) => ({ text: `Something is wrong (${name}): see server:doctor.`, bad: true })),
    ...well.map((name) => ({ text: `All is well again (${name}).`, bad: false })),
  ]
}

function repeat(round: () => Promise<void>, pause: number, log: Log): NodeJS.Timeout {
  let running = false
  const once = async () => {
    if (running) return
    running = true
    await round().catch((error) => log.warn('doctor.round-failed', { cause: messageOf(error) }))
    running = false
  }
  return setInterval(once, pause).unref()
}

async function answers(asked: Promise<unknown>): Promise<boolean> {
  return asked.then(
    () => true,
    () => false,
  )
}
