/** Whom names get their certificates from, and what that device is told. */
import type { Devices } from '../devices/devices.ts'
import { issuerSetting } from '../domain/certificate.ts'
import type { Device } from '../domain/device.ts'
import { UserError } from '../errors.ts'
import type { Store } from '../state/store.ts'
import type { Certificates } from './contract.ts'

type Stores = Pick<Store, 'devices' | 'deviceSecrets' | 'settings'>

export interface SettingsParts {
  readonly store: Stores
  readonly devices: Pick<Devices, 'certificate' | 'forget'>
  /** Something is different: what failed may succeed now. */
  readonly wake: () => void
}

/** The built-in one unless somebody chose another. */
export async function issuingDevice({ devices, settings }: Pick<Store, 'devices' | 'settings'>): Promise<Device> {
  return devices.get((await settings.get(issuerSetting)) || 'acme')
}

export function createSettings({
  store,
  devices,
  wake,
}: SettingsParts): Pick<Certificates, 'configure' | 'keepSecret'> {
  async function choose(name: string): Promise<void> {
    // Throws when there is none, or when it is something else.
    if (name !== '') await devices.certificate(name)
    await store.settings.set(issuerSetting, name)
    wake()
  }

  async function change(device: Device, settings: Device['settings']): Promise<void> {
    await store.devices.update(device.name, { ...device, settings })
    devices.forget(device.name)
  }

  return {
    async configure(property, value, signal) {
      if (property === 'issuer') return choose(value)
      const device = await issuingDevice(store)
      const { [property]: _, ...others } = device.settings
      await change(device, value === '' ? others : { ...others, [property]: value })
      try {
        await (await devices.certificate(device.name)).check(signal)
      } catch (error) {
        // An issuer that does not answer now may well be the right one.
        if (!(error instanceof UserError && error.code === 'unavailable')) {
          await change(device, device.settings)
          throw error
        }
      }
      wake()
    },
    async keepSecret(name, value) {
      const device = await issuingDevice(store)
      await store.deviceSecrets.set(device.name, name, value === '' ? null : value)
      devices.forget(device.name)
      wake()
    },
  }
}
