/** Server software that apps use: whether each answers, and the addresses that it is reached at. */
import { messageOf } from '../../errors.ts'
import { endpointsBound } from '../../network/endpoints.ts'
import { endpointBlock } from '../../network/subnets.ts'
import { check } from '../check.ts'

export interface DeviceFacts {
  readonly devices: readonly {
    readonly name: string
    readonly deviceClass: string
    readonly unfinished: boolean
    /** Null: it is well. */
    readonly problem: string | null
  }[]
  /** Block of addresses that the machine should answer at, and does not; null: it does. */
  readonly unbound: string | null
}

export const devices = check<DeviceFacts>({
  name: 'devices',
  about: 'The devices',
  needs: ['store', 'engine'],
  remedy: (commands) => commands.kernel('devices:list'),
  async probe({ devices, config }) {
    const [list, bound] = await Promise.all([devices.list(), endpointsBound(config.pool)])
    const looked = list.map(async ({ name, class: deviceClass, state }) => {
      const unfinished = state.startsWith('It is not ')
      const isWell = state === 'running' || state === 'ready'
      if (deviceClass !== 'archive' || !isWell) return { name, deviceClass, unfinished, problem: isWell ? null : state }
      const checked = (await devices.archive(name)).check().then(() => null, messageOf)
      return { name, deviceClass, unfinished, problem: await checked }
    })
    return { devices: await Promise.all(looked), unbound: bound ? null : endpointBlock(config.pool) }
  },
  judge: ({ devices, unbound }, commands) => [
    ...(unbound === null
      ? []
      : [
          {
            severity: 'error' as const,
            problem: `This machine does not answer at ${unbound}, where apps reach their devices.`,
            fix: commands.installer('mounts'),
          },
        ]),
    ...devices.flatMap(({ name, deviceClass, unfinished, problem }) => {
      // The proxy has a check of its own.
      if (problem === null || deviceClass === 'proxy') return []
      const fix = unfinished || deviceClass !== 'database' ? `devices:info ${name}` : `devices:restart ${name}`
      const severity = unfinished ? ('warning' as const) : ('error' as const)
      return [{ severity, problem: `${name} is not well: ${problem}`, fix: commands.kernel(fix) }]
    }),
  ],
})
