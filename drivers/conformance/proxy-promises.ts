/** All that a driver of the class `proxy` promises, on one that runs and has no table yet. */
import { changePromises } from './proxy-changes.ts'
import { countPromises } from './proxy-count.ts'
import { holdPromises } from './proxy-hold.ts'
import { lifePromises, newPromises } from './proxy-life.ts'
import { requestPromises } from './proxy-requests.ts'
import { tablePromises } from './proxy-table.ts'
import { tlsPromises } from './proxy-tls.ts'
import type { ProxyPromises } from './proxy-under-test.ts'

export const proxyPromises: ProxyPromises = {
  ...newPromises,
  ...tablePromises,
  ...requestPromises,
  ...countPromises,
  ...holdPromises,
  ...tlsPromises,
  ...changePromises,
  ...lifePromises,
}
