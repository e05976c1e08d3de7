/** How much an app may ask for at its socket: one that floods waits for itself, not others for it. */
import { UserError } from '../errors.ts'
import { failedAttempts } from './failed-attempts.ts'

export interface AppLimits {
  /** Runs it, or throws `unavailable` at once: the app has asked for too much. */
  run<T>(app: string, work: () => Promise<T>): Promise<T>
}

/** Commands of one app at the same time. */
const atOnce = 8
/** Calls of one app a second, and how many may come in one go. */
const perSecond = 20
const burst = 100
/** Every refusal is in the audit log, which an app must not fill. */
const refusals = { allowed: 20, span: 10 * 60_000 }

export function appLimits(now: () => number = Date.now): AppLimits {
  const running = new Map<string, number>()
  const spent = new Map<string, { calls: number; at: number }>()
  const refused = failedAttempts({ ...refusals, now })

  /** What was spent drains away; an app that is quiet for a while is forgotten. */
  function spend(app: string): boolean {
    const { calls, at } = spent.get(app) ?? { calls: 0, at: now() }
    const left = Math.max(0, calls - ((now() - at) / 1000) * perSecond)
    if (left > burst - 1) return false
    spent.set(app, { calls: left + 1, at: now() })
    for (const [other, one] of spent) {
      if (now() - one.at < (burst / perSecond) * 1000) break
      spent.delete(other)
    }
    return true
  }

  return {
    async run(app, work) {
      if (refused.tooMany(app))
        throw tooMuch('This app was refused too often. Its socket answers again in some minutes.')
      const others = running.get(app) ?? 0
      if (others >= atOnce) throw tooMuch(`This app asks for ${atOnce} things already.`)
      if (!spend(app)) throw tooMuch(`This app asks more than ${perSecond} times a second.`)
      running.set(app, others + 1)
      try {
        return await work()
      } catch (error) {
        if (error instanceof UserError && error.code === 'forbidden') refused.add(app)
        throw error
      } finally {
        const left = (running.get(app) ?? 1) - 1
        if (left > 0) running.set(app, left)
        else running.delete(app)
      }
    },
  }
}

function tooMuch(message: string): UserError {
  return new UserError('unavailable', message, 'Ask again in a moment.')
}
