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
    /** Command that goes on with it, where no more needs to be known for that. */
    readonly install: string | null
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
    const looked = list.map(async ({ name, class: deviceClass, state, driver, as }) => {
      const unfinished = state.startsWith('It is not ')
      const isInstalling = state.startsWith('It is not installed') && as !== 'adopted'
      const isWell = state === 'running' || state === 'ready'
      const one = {
        name,
        deviceClass,
        unfinished,
        install: isInstalling ? `devices:install ${driver} --name ${name}` : null,
      }
      if (deviceClass !== 'archive' || !isWell) return { ...one, problem: isWell ? null : state }
      const checked = devices.archive(name).then((archive) => archive.check())
      return { ...one, problem: await checked.then(() => null, messageOf) }
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
    ...devices.flatMap(({ name, deviceClass, unfinished, install, problem }) => {
      // The proxy has a check of its own.
      if (problem === null || deviceClass === 'proxy') return []
      const look = unfinished || deviceClass !== 'database' ? `devices:info ${name}` : `devices:restart ${name}`
      const fix = install ?? look
      const severity = unfinished ? ('warning' as const) : ('error' as const)
      return [{ severity, problem: `${name} is not well: ${problem}`, fix: commands.kernel(fix) }]
    }),
  ],
})
