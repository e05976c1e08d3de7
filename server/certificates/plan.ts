/** What is wanted, what is there and what failed → which names are due, and when the next one is. Pure. */
import { createHash } from 'node:crypto'
import { type Certificate, type FailedTry, isFor, isValid, renewsAt } from '../domain/certificate.ts'
import type { Wanted } from './wanted.ts'

export interface PlanInput {
  readonly wanted: readonly Wanted[]
  readonly certificates: readonly Certificate[]
  readonly tries: readonly FailedTry[]
  readonly now: Date
}

export interface Planned extends Wanted {
  /** When it is to be issued. */
  readonly at: Date
  /** What it is served with until then. */
  readonly before: Certificate | null
}

/** Every wanted name that the kernel has to care for, the next one first. */
export function planned({ wanted, certificates, tries, now }: PlanInput): Planned[] {
  const failed = new Map(tries.map((one) => [one.host, one]))
  const ofApp = Map.groupBy(certificates, ({ app }) => app)
  return wanted
    .flatMap(({ host, app }): Planned[] => {
      const usable = (ofApp.get(app) ?? []).filter((one) => isFor(one, host))
      // Whoever brought one renews it.
      if (usable.some((one) => one.source === 'uploaded' && isValid(one, now))) return []
      const before = lastToRenew(usable.filter(({ source }) => source === 'issued'))
      const due = before ? renewsAt(before, jitterOf(before.names.join())) : now
      const patience = failed.get(host)?.nextAt
      return [{ host, app, before, at: patience === undefined ? due : later(due, new Date(patience)) }]
    })
    .sort((a, b) => a.at.getTime() - b.at.getTime())
}

/** The same for a name at every start, so that a restart neither hurries nor delays anything: 0 … 1. */
export function jitterOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32
}

/** A name that a wildcard covers too waits for whichever is good for longer. */
function lastToRenew(certificates: readonly Certificate[]): Certificate | null {
  return [...certificates].sort((a, b) => b.notAfter.localeCompare(a.notAfter))[0] ?? null
}

function later(one: Date, other: Date): Date {
  return one > other ? one : other
}
