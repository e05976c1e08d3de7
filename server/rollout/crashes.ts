/** Tells of containers that end although nobody asked them to. */
import type { App } from '../domain/app.ts'
import { type Ending, type ObservedContainer, placeName } from '../domain/container.ts'
import type { Acting } from './acting.ts'

export type Crashes = ReturnType<typeof createCrashes>

export function createCrashes({ parts, retirement }: Pick<Acting, 'parts' | 'retirement'>) {
  /** How often each was seen to end. */
  const counts = new Map<string, number>()

  async function tell(id: string, owner: string, exitCode: number): Promise<void> {
    // The engine starts it again in a moment, and then does not say any more how it ended.
    const [details, app, observed] = await Promise.all([
      parts.engine.inspect(id),
      parts.store.apps.byId(owner),
      parts.engine.list(owner),
    ])
    const container = observed.find((one) => one.id === id)
    if (!app || app.stopped || !container || container.group !== app.group) return
    const count = (counts.get(id) ?? 0) + 1
    counts.set(id, count)
    // One that crashes for ever is told of at the 1st, 2nd, 4th, 8th … time.
    if ((count & (count - 1)) !== 0) return
    const ending = { oomKilled: false, ...details?.ending, exitCode }
    parts.journal.record({ kind: 'container', app, bad: true, text: sentence(container, app, ending, count) })
  }

  return {
    /** Nothing is told of those that are wanted to end, nor of those that never served. */
    ended(id: string, app: string, exitCode: number): Promise<void> {
      return retirement.leaving(id) ? Promise.resolve() : tell(id, app, exitCode)
    },
    forget(id: string): void {
      counts.delete(id)
    },
  }
}

function sentence(
  container: ObservedContainer,
  app: App,
  { exitCode, oomKilled }: Pick<Ending, 'exitCode' | 'oomKilled'>,
  count: number,
): string {
  const name = placeName(container)
  const again = count === 1 ? '' : `, for the ${count}th time`.replace(' 2th', ' 2nd')
  if (oomKilled)
    return `${name} of ${app.name} was killed${again}: it needs more memory than its limit of ${container.memory} MiB.`
  return `${name} of ${app.name} ${exitCode === 0 ? 'ended' : 'crashed'} with code ${exitCode}${again}.`
}
