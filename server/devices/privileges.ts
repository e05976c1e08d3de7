/** Holds a driver to what it may: every other call of its host throws `forbidden`, and somebody is told. */
import type { Privilege } from '../domain/device.ts'
import { UserError } from '../errors.ts'

/** What a person is told who is asked to approve it. */
export const privilegeMeanings: Readonly<Record<Privilege, string>> = {
  engine: 'has the engine of the containers: whatever root may do on this server',
  'exec:node': 'runs any program on this server as root, and installs Debian packages',
  network: 'gets addresses of this server that attached apps reach it at',
  containers: 'makes images, and runs containers of its own',
  volume: 'keeps data in volumes of its own',
  secrets: 'keeps secrets of its own in the kernel',
}

/** Throws `forbidden` unless the driver may make this call, such as `containers.ensure`, with these arguments. */
export type Gate = (call: string, args: readonly unknown[]) => void

export function createGate(
  device: string,
  granted: readonly Privilege[],
  refused: (call: string, privilege: Privilege) => void,
): Gate {
  return (call, args) => {
    for (const privilege of needed(call, args)) {
      if (granted.includes(privilege)) continue
      refused(call, privilege)
      throw new UserError(
        'forbidden',
        `The driver of ${device} may not call ${call}: it has no privilege ${privilege}.`,
        'Name it in driver.json, and have an admin approve it.',
      )
    }
  }
}

const ofGroup: Readonly<Record<string, Privilege>> = {
  node: 'exec:node',
  containers: 'containers',
  network: 'network',
  secrets: 'secrets',
}

function needed(call: string, [first]: readonly unknown[]): Privilege[] {
  const group = ofGroup[call.split('.')[0] ?? '']
  if (group === undefined) return []
  if (call === 'containers.removeVolume') return [group, 'volume']
  if (call !== 'containers.ensure') return [group]
  const isAsked = (what: unknown) => typeof what === 'object' && what !== null && Object.keys(what).length > 0
  const { volumes, ports } = (first ?? {}) as { readonly volumes?: unknown; readonly ports?: unknown }
  return [group, ...(isAsked(volumes) ? ['volume' as const] : []), ...(isAsked(ports) ? ['network' as const] : [])]
}
