/** The suite of the class `proxy` under vitest: a driver's own test is one call of this, on the real server. */
import { until } from './proxy-apps.ts'
import { proxyPromises } from './proxy-promises.ts'
import type { ProxyUnderTest } from './proxy-under-test.ts'
import { keepsPromises } from './suite.ts'

export type { ProxyUnderTest } from './proxy-under-test.ts'

export function proxyConforms(name: string, make: () => Promise<ProxyUnderTest>): void {
  keepsPromises(`${name} is a proxy`, () => started(make), proxyPromises)
}

/** Installed, and running. */
async function started(make: () => Promise<ProxyUnderTest>): Promise<ProxyUnderTest> {
  const it = await make()
  await it.driver.install()
  await it.start()
  await until(async () => (await it.driver.status()).running)
  return it
}
