/** What a rollout works with. */

import type { Groups } from '../domain/group.ts'
import type { Release } from '../domain/release.ts'
import type { Traffic } from '../domain/route.ts'
import type { Engine } from '../engine/engine.ts'
import type { Journal } from '../events/journal.ts'
import type { Live } from '../live/live.ts'
import type { Log } from '../log.ts'
import type { Firewall } from '../network/firewall.ts'
import type { Store } from '../state/store.ts'

export interface RolloutParts {
  readonly engine: Engine
  readonly store: Pick<Store, 'apps' | 'domains' | 'formations' | 'releases' | 'addresses'>
  readonly live: Live
  readonly journal: Pick<Journal, 'record'>
  readonly traffic: Traffic
  /**
   * What a release's containers get in their environment: `coming` for a group that is about to serve, `serving` for
   * everything beside the one that does. Throws when what is attached is not there.
   */
  environment(release: Release, which: 'coming' | 'serving'): Promise<Readonly<Record<string, string>>>
  /** An app was looked at: containers of it may have gone. */
  looked(app: string): void
  /** What containers find at `/megapolos`. */
  readonly groups: Groups
  /** True when the containers of an app share what only one group may have at a time: the old one ends before the new begins. */
  readonly volumes: { stopFirst(app: string): Promise<boolean> }
  /** Applied again whenever the engine may have rewritten its own rules. */
  readonly firewall: Pick<Firewall, 'apply'>
  /** IPv4 block that app networks are cut from. */
  readonly pool: string
  readonly system: string
  readonly log: Log
}
