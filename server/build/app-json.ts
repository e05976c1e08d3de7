/** What app.json says about health checks, formation and addons. Other fields of it are not read. */
import { isProcessType } from '../domain/app.ts'
import { isAlias } from '../domain/database.ts'
import { type Checks, defaultChecks } from '../domain/release.ts'
import { UserError } from '../errors.ts'
import type { Addon } from './build.ts'
import { parseJsonFile } from './json.ts'

export interface AppJson {
  readonly checks: Checks
  readonly formation: Readonly<Record<string, number>>
  readonly addons: readonly Addon[]
}

const longestTimeout = 600

/** Dokku's form: `{"healthchecks":{"web":[{"type":"startup","path":"/up","timeout":5,"attempts":3}]},"formation":{"web":{"quantity":2}}}`. */
export function parseAppJson(text: string): AppJson {
  const root = object(parseJsonFile('app.json', text), 'app.json')
  const healthchecks = object(root.healthchecks ?? {}, '"healthchecks"')
  const formation = object(root.formation ?? {}, '"formation"')
  return { checks: checksOf(healthchecks.web), formation: quantities(formation), addons: addons(root.addons) }
}

function checksOf(list: unknown = []): Checks {
  if (!Array.isArray(list)) throw wrong('"healthchecks.web" must be a list')
  const all = list.map((item, index) => object(item, `"healthchecks.web[${index}]"`))
  // Dokku's default type is startup; liveness checks are no part of a rollout.
  const check = all.find((item) => (item.type ?? 'startup') === 'startup')
  if (!check) return defaultChecks
  const path = check.path ?? null
  if (path !== null && (typeof path !== 'string' || !/^\/[!-~]{0,1999}$/.test(path))) {
    throw wrong('"path" of the health check must start with /, have no spaces and at most 2,000 characters')
  }
  return { path, timeout: timeoutOf(check) }
}

/** Dokku asks `attempts` times, for `timeout` seconds each, `wait` apart; here one number is the time to become healthy. */
function timeoutOf(check: Record<string, unknown>): number {
  const seconds = (name: string, fallback: number) => {
    const value = check[name] ?? fallback
    if (typeof value !== 'number' || !(value > 0)) throw wrong(`"${name}" of the health check must be a number above 0`)
    return value
  }
  const total =
    check.attempts === undefined
      ? seconds('timeout', defaultChecks.timeout)
      : seconds('attempts', 3) * (seconds('timeout', 5) + seconds('wait', 5))
  return Math.min(longestTimeout, Math.ceil(total))
}

function quantities(formation: Record<string, unknown>): Record<string, number> {
  const result: Record<string, number> = {}
  for (const [type, value] of Object.entries(formation)) {
    if (!isProcessType(type)) throw wrong(`"${type.slice(0, 60)}" in "formation" is no process type`)
    const { quantity = 1 } = object(value, `"formation.${type}"`)
    if (!Number.isInteger(quantity) || (quantity as number) < 0 || (quantity as number) > 100) {
      throw wrong(`"formation.${type}.quantity" must be a whole number from 0 to 100`)
    }
    result[type] = quantity as number
  }
  return result
}

/** Heroku's form: `["heroku-…:mini", {"plan": "heroku-…", "as": "CACHE"}]`. */
function addons(list: unknown = []): Addon[] {
  if (!Array.isArray(list)) throw wrong('"addons" must be a list')
  return list.map((item, index) => {
    const { plan, as = null } = typeof item === 'string' ? { plan: item } : object(item, `"addons[${index}]"`)
    const name = typeof plan === 'string' ? (plan.split(':')[0] ?? '') : ''
    if (!/^[a-z][a-z0-9-]{0,60}$/.test(name)) throw wrong(`"addons[${index}]" names no plan`)
    if (as !== null && (typeof as !== 'string' || !isAlias(as)))
      throw wrong(`"as" of the addon ${name} must be a name such as CACHE`)
    return { name, as }
  })
}

function object(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(`${name} must be an object`)
  return value as Record<string, unknown>
}

function wrong(what: string): UserError {
  return new UserError('refused', `app.json cannot be used: ${what}.`)
}
