/** All that a driver of the class `proxy` promises, on one that runs and has no table yet. */
import { changePromises } from './proxy-changes.ts'
import { countPromises } from './proxy-count.ts'
import { gatePromises } from './proxy-gate.ts'
import { holdPromises } from './proxy-hold.ts'
import { internalPromises } from './proxy-internal.ts'
import { lifePromises, newPromises } from './proxy-life.ts'
import { limitPromises } from './proxy-limits.ts'
import { logPromises } from './proxy-log.ts'
import { pathPromises } from './proxy-paths.ts'
import { requestPromises } from './proxy-requests.ts'
import { stormPromises } from './proxy-storm.ts'
import { tablePromises } from './proxy-table.ts'
import { tlsPromises } from './proxy-tls.ts'
import { trustPromises } from './proxy-trust.ts'
import type { ProxyPromises } from './proxy-under-test.ts'

export const proxyPromises: ProxyPromises = {
  ...newPromises,
  ...tablePromises,
  ...requestPromises,
  ...countPromises,
  ...holdPromises,
  ...tlsPromises,
  ...gatePromises,
  ...pathPromises,
  ...limitPromises,
  ...trustPromises,
  ...internalPromises,
  ...logPromises,
  ...changePromises,
  ...stormPromises,
  ...lifePromises,
}
