/** Tries a driver without giving it anything: what can be said of it before it may touch the server. */
import { tmpdir } from 'node:os'
import { messageOf, UserError } from '../errors.ts'
import { createLog } from '../log.ts'
import type { ContainerDrivers } from './container-drivers.ts'
import type { DriverHost } from './driver.ts'
import type { Registry } from './registry.ts'
import { classCalls } from './rpc/class-calls.ts'
import type { DriverProcess } from './rpc/process.ts'
import type { Proof } from './suite.ts'

export interface ProbeParts {
  readonly registry: Registry
  readonly containers: ContainerDrivers
}

/** Tells each promise that every driver keeps as soon as it is tried; true when all are kept. Throws `not-found`. */
export async function probe(
  name: string,
  { registry, containers }: ProbeParts,
  tell: (proof: Proof) => void,
): Promise<boolean> {
  const { manifest } = registry.found(name)
  let isWell = true
  const check = async <T>(promise: string, work: () => Promise<T>): Promise<T | null> => {
    try {
      const result = await work()
      tell({ promise, outcome: 'kept', why: null })
      return result
    } catch (error) {
      isWell = false
      tell({ promise, outcome: 'broken', why: messageOf(error) })
      return null
    }
  }
  if (manifest.runs === 'module') {
    await check('its index.ts exports createDriver', () => registry.load(name, manifest.class))
    return isWell
  }
  const process = await check('it starts in its container', () => containers.open(name, hostOf(name)))
  if (!process) return isWell
  try {
    const methods = Object.keys(classCalls[manifest.class] ?? {})
    await check('it refuses a call that no class has', () => refuses(process, 'no-such-call', methodNotFound))
    for (const method of methods) await check(`it knows the call ${method}`, () => knows(process, method))
    await check('it still runs after all of them', () => refuses(process, 'no-such-call', methodNotFound))
  } finally {
    process.end('the test is over')
  }
  return isWell
}

/** What JSON-RPC calls an unknown method; the sentence ends with it. */
const methodNotFound = /\(-32601\)/
const patience = 10

/** Called with nothing, and with no privilege: any answer will do that is not “there is no such call”. */
async function knows(process: DriverProcess, method: string): Promise<void> {
  await process.call(method, [], { seconds: patience }).catch((error) => {
    if (methodNotFound.test(messageOf(error)) || isLate(error)) throw error
  })
}

async function refuses(process: DriverProcess, method: string, how: RegExp): Promise<void> {
  const said = await process.call(method, [], { seconds: patience }).then(() => 'it answered', messageOf)
  if (!how.test(said)) throw new Error(`an unknown call must be answered with the error -32601, not: ${said}`)
}

function isLate(error: unknown): boolean {
  return error instanceof UserError && error.code === 'unavailable' && / (ended|gave no answer)/.test(error.message)
}

/** A host of which nothing may be used. */
function hostOf(name: string): DriverHost {
  const refuse = async (): Promise<never> => {
    throw new UserError('forbidden', 'A driver that is tested has no privileges.')
  }
  return {
    ...{ device: `test-${name}`, folder: tmpdir(), system: 'test', settings: {}, log: createLog(() => {}) },
    node: { exec: refuse, packages: refuse, serve: refuse, stop: refuse },
    containers: {
      ...{ image: refuse, ensure: refuse, remove: refuse, restart: refuse, exec: refuse, state: refuse },
      ...{ list: refuse, logs: refuse, removeVolume: refuse },
    },
    network: { endpoint: refuse, release: refuse },
    secrets: { get: refuse, set: refuse },
    volume: { open: refuse },
  }
}
