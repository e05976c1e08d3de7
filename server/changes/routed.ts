/** How whatever only the proxy has to know is changed: stored, pushed, and taken back when the proxy refuses it. */

import type { App } from '../domain/app.ts'
import { describe, type Operation } from '../domain/operation.ts'
import { UserError } from '../errors.ts'
import type { Change, Parts } from './change.ts'

/** A change of names or of what requests meet. */
export interface RoutePlan {
  readonly operations: readonly Operation[]
  /** Ids of all apps whose names or rules it changes. */
  readonly apps: readonly string[]
  /** Into the store, all of it or nothing. */
  write(): Promise<void>
  /** Once it is so, and the proxy has not refused it. */
  done?(): Promise<void>
  /** One sentence: what is so then. */
  readonly result: string
}

export type Routed = ReturnType<typeof createRouted>

export function createRouted({ store, routes }: Pick<Parts, 'store' | 'routes'>) {
  let last: Promise<unknown> = Promise.resolve()

  /** One at a time, over all apps: who has what of a host, and where redirects end, is looked at before it is written. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work)
    last = mine.catch(() => {})
    return mine
  }

  /** A proxy that is away gets it when it is back: that is the sentence that is returned. */
  async function published(): Promise<string> {
    try {
      await routes.refresh()
      return ''
    } catch (error) {
      if (isRefused(error)) throw error
      return ' The proxy does not answer now; it follows when it is back.'
    }
  }

  /** `takeBack` undoes in the store what was written to it. */
  async function acceptedOr(takeBack: () => Promise<void>): Promise<string> {
    try {
      return await published()
    } catch (error) {
      if (!isRefused(error)) throw error
      await takeBack()
      await published()
      const { message, hint, detail } = error
      throw new UserError('refused', `The proxy refused it, so nothing was changed: ${message}`, hint, detail)
    }
  }

  return {
    inTurn,
    published,
    acceptedOr,

    /** Live and without a job: a rollout that takes its time is not waited for. */
    async change(app: App, dryRun: boolean, plan: () => Promise<RoutePlan>, did = noted): Promise<Change> {
      const outcome = (planned: boolean, operations: readonly Operation[], result: string): Change => ({
        ...{ app: app.name, release: null, planned, operations: operations.map(describe), result },
      })
      if (dryRun) return outcome(true, (await plan()).operations, 'Nothing was changed.')
      return inTurn(async () => {
        const { operations, apps, write, done, result } = await plan()
        const before = await store.routing.snapshot(apps)
        await write()
        const late = await acceptedOr(() => store.routing.restore(before))
        await done?.()
        for (const operation of operations) did(operation)
        return outcome(false, operations, result + late)
      })
    },
  }
}

/** Only a job writes down what was done. */
function noted(_operation: Operation): void {}

function isRefused(error: unknown): error is UserError {
  return error instanceof UserError && error.code === 'refused'
}
