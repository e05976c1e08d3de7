/**
 * Ends what is to be ended, as soon as it can be: logins that no container uses any more, databases and scratch databases
 * that are to go. All of it is noted in the store before it begins, so a kernel that was killed anywhere goes on with it.
 */
import type { Credential } from '../domain/database.ts'
import type { ScratchRow } from '../state/store-attachments.ts'
import type { AttachmentParts } from './parts.ts'

export interface LeftOvers {
  /** Ends what can be ended now. What cannot is tried again later, and its reason logged. Never rejects. */
  attend(): Promise<void>
  /** Whether containers that drain may still use this database, as last attended. */
  used(database: string): boolean
  /** The rollout has looked at this app: containers of it may have gone. */
  looked(app: string): void
  /** Attends at once, then again and again until `signal` aborts. */
  watch(signal: AbortSignal, goOn: SwitchOn): void
}

/** Goes on with a switch of content that a dead kernel left half done: its apps are of two minds. */
export type SwitchOn = (scratch: ScratchRow) => Promise<void>

/** Milliseconds until what could not be ended is tried again. */
const pause = 15_000

export function createLeftOvers({ store, devices, engine, firewall, log }: AttachmentParts): LeftOvers {
  let turn: Promise<void> = Promise.resolve()
  let switchOn: SwitchOn = async () => {}
  /** Apps that still have containers which may use a login that is to be revoked. */
  let waiting: ReadonlySet<string> = new Set()
  let used: ReadonlySet<string> = new Set()
  let timer: NodeJS.Timeout | undefined

  async function end(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      log.error('attachments.not-ended', error, { what })
      return false
    }
  }

  async function revoke({ user, handle, database }: Credential): Promise<void> {
    const { device } = await store.databases.get(database)
    await (await devices.database(device)).revoke(handle, user)
    await store.credentials.remove(user)
  }

  async function usedUntilNow(app: string): Promise<boolean> {
    const [now, containers] = await Promise.all([store.apps.byId(app), engine.list(app)])
    return containers.some(({ group }) => group !== now?.group)
  }

  async function scratch(row: ScratchRow): Promise<void> {
    if (row.replaces !== null) return switchOn(row)
    await (await devices.database(row.device)).drop(row.handle)
    await store.databases.removeScratch(row.device, row.handle)
  }

  async function all(): Promise<void> {
    clearTimeout(timer)
    // Asked after every change of every app.
    if (!(await store.databases.unfinished())) {
      used = new Set()
      return
    }
    const busy = new Set<string>()
    const open = new Set<string>()
    const done: boolean[] = []
    const revoking = (await store.credentials.list()).filter(({ state }) => state === 'revoking')
    for (const login of revoking) {
      if (await usedUntilNow(login.app)) {
        busy.add(login.app)
        open.add(login.database)
      } else done.push(await end(`login ${login.user}`, () => revoke(login)))
    }
    waiting = busy
    used = open
    for (const { name, device, handle, state } of await store.databases.list()) {
      if (state !== 'destroying' || used.has(name)) continue
      const drop = async () => {
        await (await devices.database(device)).drop(handle)
        await store.databases.remove(name)
      }
      done.push(await end(`database ${name}`, drop))
    }
    for (const row of await store.databases.scratches()) {
      if (row.abandoned) done.push(await end(`scratch database ${row.handle}`, () => scratch(row)))
    }
    if (done.includes(true)) await firewall.apply()
    if (done.includes(false)) timer = setTimeout(attend, pause).unref()
  }

  function attend(): Promise<void> {
    turn = turn.then(all).catch((error) => {
      log.error('attachments.not-attended', error)
      timer = setTimeout(attend, pause).unref()
    })
    return turn
  }

  return {
    attend,
    used: (database) => used.has(database),
    looked: (app) => {
      if (waiting.has(app)) void attend()
    },
    watch(signal, goOn) {
      switchOn = goOn
      signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
      void attend()
    },
  }
}
