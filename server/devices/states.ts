/** How a device is: a word when all is well, else a sentence; and the version that its server says it has, if it says one. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Device, isScratch } from '../domain/device.ts'
import { messageOf } from '../errors.ts'
import type { Loaded } from './loaded.ts'

/** Milliseconds: a driver that hangs must not keep the others from being shown. */
const patience = 3_000

export interface Seen {
  readonly state: string
  readonly version: string | null
}

export async function stateOf(device: Device, loaded: Loaded): Promise<Seen> {
  if (device.state !== 'ready') return unseen(unfinished(device))
  const done = new AbortController()
  const late = delay(patience, `It has not answered for ${patience / 1000} seconds.`, { signal: done.signal })
  late.catch(() => {})
  try {
    return await Promise.race([asked(device, loaded), late.then(unseen)])
  } catch (error) {
    return unseen(messageOf(error))
  } finally {
    done.abort()
  }
}

/** The words that go on with it. */
export function unfinished(device: Device): string {
  const { name, driver, as, state } = device
  if (isScratch(device)) return 'It was made by drivers:test, and goes when that ends.'
  if (state === 'removing') return `It is not removed completely: devices:remove ${name} --confirm ${name} goes on.`
  const again = as === 'adopted' ? `devices:adopt ${driver}` : `devices:install ${driver}`
  return `It is not installed completely: ${again} --name ${name} goes on.`
}

async function asked(device: Device, loaded: Loaded): Promise<Seen> {
  switch (device.class) {
    case 'proxy': {
      const { running } = await (await loaded.driver(device, 'proxy')).status()
      return unseen(running ? 'running' : 'The proxy does not answer.')
    }
    case 'database': {
      const { running, version, problem } = await (await loaded.driver(device, 'database')).status()
      return { state: running ? 'running' : (problem ?? 'It does not answer.'), version }
    }
    default:
      await loaded.driver(device, device.class)
      return unseen('ready')
  }
}

function unseen(state: string): Seen {
  return { state, version: null }
}
