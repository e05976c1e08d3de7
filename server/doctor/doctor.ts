/** Examines the server: every check at the same time, each with a deadline. Reads only; what it finds, a person mends. */
import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../errors.ts'
import { type AnyCheck, type Commands, commandsOf, type Finding, type House } from './check.ts'
import { checks as all } from './checks.ts'

export interface Doctor {
  examine(): Promise<Report>
}

export interface Report {
  /** How many checks were made. */
  readonly checks: number
  readonly healthy: boolean
  /** What does not work first. */
  readonly findings: readonly (Finding & { readonly check: string })[]
}

const order: readonly Finding['severity'][] = ['error', 'warning', 'note']
/** Milliseconds that a probe may take. */
const deadline = 5_000

export function createDoctor(house: House, checks: readonly AnyCheck[] = all, patience = deadline): Doctor {
  const commands = commandsOf(house.config)
  return {
    async examine() {
      const made = await Promise.all(checks.map((one) => make(one, house, commands, patience)))
      const wrong = new Set(made.flatMap(({ check, findings }) => (findings.length > 0 ? [check.name] : [])))
      const findings = made
        // Whoever needs the store cannot look while it is away, and says nothing new.
        .filter(({ check, unseen }) => !(unseen && check.needs?.some((name) => wrong.has(name))))
        .flatMap(({ check, findings }) => findings.map((finding) => ({ check: check.name, ...finding })))
      return {
        checks: checks.length,
        healthy: findings.every(({ severity }) => severity === 'note'),
        findings: findings.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity)),
      }
    },
  }
}

interface Made {
  readonly check: AnyCheck
  /** It could not look. */
  readonly unseen: boolean
  readonly findings: readonly Finding[]
}

async function make(check: AnyCheck, house: House, commands: Commands, patience: number): Promise<Made> {
  const ended = new AbortController()
  const late = pause(patience, null, { signal: ended.signal })
  late.catch(() => {})
  try {
    const probed = await Promise.race([check.probe(house).then((facts) => ({ facts })), late])
    if (probed) return { check, unseen: false, findings: check.judge(probed.facts, commands) }
    return unseen(check, `there was no answer in ${patience / 1000} s`, commands)
  } catch (error) {
    return unseen(check, messageOf(error).replace(/\.$/, ''), commands)
  } finally {
    ended.abort()
  }
}

function unseen(check: AnyCheck, why: string, commands: Commands): Made {
  const problem = `${check.about} could not be looked at: ${why}.`
  return { check, unseen: true, findings: [{ severity: 'error', problem, fix: check.remedy(commands) }] }
}
