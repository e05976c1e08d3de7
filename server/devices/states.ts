/** How a device is: a word when all is well, else a sentence. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Device, isScratch } from '../domain/device.ts'
import { messageOf } from '../errors.ts'
import type { Loaded } from './loaded.ts'

/** Milliseconds: a driver that hangs must not keep the others from being shown. */
const patience = 3_000

export async function stateOf(device: Device, loaded: Loaded): Promise<string> {
  if (device.state !== 'ready') return unfinished(device)
  const done = new AbortController()
  const late = delay(patience, `It has not answered for ${patience / 1000} seconds.`, { signal: done.signal })
  late.catch(() => {})
  try {
    return await Promise.race([asked(device, loaded), late])
  } catch (error) {
    return messageOf(error)
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

async function asked(device: Device, loaded: Loaded): Promise<string> {
  switch (device.class) {
    case 'proxy': {
      const { running } = await (await loaded.driver(device, 'proxy')).status()
      return running ? 'running' : 'The proxy does not answer.'
    }
    case 'database': {
      const { running, problem } = await (await loaded.driver(device, 'database')).status()
      return running ? 'running' : (problem ?? 'It does not answer.')
    }
    default:
      await loaded.driver(device, device.class)
      return 'ready'
  }
}
