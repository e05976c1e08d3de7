/** What a driver's own test gives the suite of the class `proxy`. */
import type { ProxyDriver } from '../../server/devices/classes/proxy.ts'
import type { Promises } from './promises.ts'

export interface ProxyUnderTest {
  readonly driver: ProxyDriver
  readonly port: number
  /** Of its listener for TLS. */
  readonly tlsPort: number
  /** Of its listener for apps, on the loopback. */
  readonly internalPort: number
  /** Starts what `command()` says; resolves at once. */
  start(): Promise<void>
  /** Kills it and all its processes with SIGKILL, as a machine short of memory would. */
  kill(): Promise<void>
  /** Seconds within which whatever must come true has. */
  readonly patience: number
  /** Ends it for good and removes what it left. */
  remove(): Promise<void>
}

export type ProxyPromises = Promises<ProxyUnderTest>
