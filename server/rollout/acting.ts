/** What deploying, scaling, stopping and reconciling share: they act on the same app one after the other. */
import type { ObservedContainer, Place } from '../domain/container.ts'
import type { OneOffContainers } from './one-off-containers.ts'
import type { RolloutParts } from './parts.ts'
import { planGroup } from './plan.ts'
import type { Readiness } from './readiness.ts'
import type { Retirement } from './retire.ts'
import type { States } from './states.ts'
import type { Targets } from './targets.ts'

export interface Acting {
  readonly parts: RolloutParts
  readonly readiness: Readiness
  readonly retirement: Retirement
  readonly targets: Targets
  readonly states: States
  readonly oneOffs: OneOffContainers
  /** Looks at the app again as soon as nobody acts on it; what cannot be done then is tried again later. */
  again(app: string): void
}

/**
 * The containers of an app whose retirement is not under way; those that are wanted again are kept from it first. One that
 * was only marked to leave is still there: whoever plans next has it end.
 */
export async function present(
  acting: Pick<Acting, 'parts' | 'retirement'>,
  app: string,
  wanted: readonly Place[],
): Promise<ObservedContainer[]> {
  const { parts, retirement } = acting
  const observed = await parts.engine.list(app)
  const { keeps, resumes } = planGroup(wanted, observed)
  const leaving = [...keeps, ...resumes].filter(({ id }) => retirement.leaving(id))
  if (leaving.length > 0) {
    await retirement.reclaim(leaving)
    return present(acting, app, wanted)
  }
  return observed.filter(({ id }) => !retirement.underWay(id))
}
