/** A container for a while: nothing of it is kept, and one that a dead kernel left is removed by the next. */
import { randomBytes } from 'node:crypto'
import type { DriverHost } from '../../server/devices/driver.ts'
import type { Start } from '../shared/client.ts'

export interface Scratch {
  readonly start: Start
  remove(): Promise<void>
}

export async function withScratch<T>(host: DriverHost, size: Size, act: (start: Start) => Promise<T>): Promise<T> {
  const scratch = await openScratch(host, size)
  try {
    return await act(scratch.start)
  } finally {
    await scratch.remove()
  }
}

interface Size {
  readonly image: string
  /** MiB. */
  readonly memory: number
}

export async function openScratch(host: DriverHost, { image, memory }: Size): Promise<Scratch> {
  await sweepScratch(host)
  const { containers } = host
  const name = `${prefix}${randomBytes(6).toString('hex')}`
  inUse.add(name)
  const remove = async () => {
    await containers.remove(name, 0)
    inUse.delete(name)
  }
  try {
    await containers.ensure({
      ...{ name, image, memory, command: ['sleep', 'infinity'], env: {}, user: 'redis' },
      ...{ volumes: {}, ports: {}, stopTimeout: 0, capabilities: [] },
    })
  } catch (error) {
    await remove().catch(() => {})
    throw error
  }
  return { start: (options) => containers.exec(name, options), remove }
}

/** Removes those that nobody uses any more. */
export async function sweepScratch({ containers }: DriverHost): Promise<void> {
  const left = (await containers.list()).filter((name) => name.startsWith(prefix) && !inUse.has(name))
  for (const name of left) await containers.remove(name, 0)
}

/** No database has a hyphen in its name. */
const prefix = 'scratch-'
/** Of this kernel, whichever driver object made them. */
const inUse = new Set<string>()
