/** The promises of each class, kept on a device of this server: what `drivers/conformance/on-server.ts` has for it. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Drivers } from './registry.ts'

/** What came of trying a promise. */
export interface Proof {
  readonly promise: string
  readonly outcome: 'kept' | 'broken' | 'untried'
  /** What broke it, or why it could not be tried; null when it is kept. */
  readonly why: string | null
}

/** A device that nobody else uses, and its driver. */
export interface OnTrial<Driver> {
  readonly driver: Driver
  /** Another driver of the same device, as the kernel has after its restart. */
  again(): Promise<Driver>
}

/** Tells each proof as soon as it is known; throws the signal's reason between two of them. */
type Suite<Given> = (it: Given, tell: (proof: Proof) => void, signal: AbortSignal) => Promise<void>

/** Proxies and builders are not among them: theirs need servers, clients and images of their own, which a clone has. */
export interface Suites {
  /** `install` does once more what installed it. */
  readonly database: Suite<OnTrial<Drivers['database']> & { install(): Promise<void> }>
  readonly archive: Suite<Drivers['archive']>
  readonly storage: Suite<OnTrial<Drivers['storage']>>
}

/** `program`: folder of this program. Imported when somebody asks for it: a kernel has no use for it else. */
export async function loadSuites(program: string): Promise<Suites> {
  const { suites } = await import(pathToFileURL(join(program, 'drivers/conformance/on-server.ts')).href)
  return suites
}
