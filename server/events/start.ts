/** What the journal says when the kernel starts: whether it had been stopped, was killed, or the machine booted. */
import { uptime } from 'node:os'
import type { Happened } from './journal.ts'

export const stopped = (version: string): Happened => ({ kind: 'kernel', text: `MegapolOS ${version} stopped.` })

/** Seconds after a boot in which the kernel starts with it. */
const booting = 300

/** `before` is the last event of the kernel's own, if there is one. */
export function started(version: string, before: { readonly text: string } | undefined, up = uptime()): Happened {
  return { kind: 'kernel', text: `MegapolOS ${version} started${why(before?.text, up)}.` }
}

function why(before: string | undefined, up: number): string {
  if (up < booting) return `, ${Math.round(up)} s after the machine did`
  return before === undefined || before.endsWith(' stopped.') ? '' : ' again: it had ended without being stopped'
}
