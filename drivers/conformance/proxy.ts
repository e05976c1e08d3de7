/** The suite of the class `proxy` under vitest: a driver's own test is one call of this, on the real server. */
import { until } from './proxy-apps.ts'
import { proxyMutants } from './proxy-mutants.ts'
import { proxyPromises } from './proxy-promises.ts'
import type { ProxyUnderTest } from './proxy-under-test.ts'
import { keepsPromises, mutantsAreCaught } from './suite.ts'

export type { ProxyUnderTest } from './proxy-under-test.ts'

export function proxyConforms(name: string, make: () => Promise<ProxyUnderTest>): void {
  keepsPromises(`${name} is a proxy`, () => started(make), proxyPromises)
}

export function proxyMutantsAreCaught(name: string, make: () => Promise<ProxyUnderTest>): void {
  const impatient = async () => ({ ...(await started(make)), patience: 2 })
  mutantsAreCaught(`wrong drivers made of ${name} are caught`, impatient, proxyPromises, proxyMutants)
}

/** Installed, and running. */
async function started(make: () => Promise<ProxyUnderTest>): Promise<ProxyUnderTest> {
  const it = await make()
  await it.driver.install()
  await it.start()
  await until(async () => (await it.driver.status()).running)
  return it
}
