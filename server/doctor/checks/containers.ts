/** Containers that do not stay up. */
import { placeName } from '../../domain/container.ts'
import { check } from '../check.ts'

export interface Crashing {
  readonly app: string
  readonly place: string
  readonly restarts: number
  readonly exitCode: number
  readonly oomKilled: boolean
}

export const containers = check<Crashing[]>({
  name: 'containers',
  about: 'The containers',
  needs: ['store', 'engine'],
  remedy: (commands) => commands.installer('restart docker'),
  async probe({ engine, store }) {
    const [observed, apps] = await Promise.all([engine.list(), store.apps.list()])
    const owners = new Map(apps.map((app) => [app.id, app]))
    const down = observed.filter(({ app, group, state }) => {
      const owner = owners.get(app)
      return (
        owner?.group === group && !owner.stopped && (state === 'restarting' || state === 'exited' || state === 'dead')
      )
    })
    const details = await Promise.all(
      down.map(async (one) => ({ one, ending: (await engine.inspect(one.id))?.ending })),
    )
    return details.flatMap(({ one, ending }) => {
      if (!ending) return []
      return [{ app: owners.get(one.app)?.name ?? one.app, place: placeName(one), ...ending }]
    })
  },
  judge: (list, commands) =>
    list.map(({ app, place, restarts, exitCode, oomKilled }) => ({
      severity: 'error',
      problem: `${place} of ${app} does not stay up: ${oomKilled ? 'it needs more memory than its limit' : `it exited with code ${exitCode}`}, and was started ${restarts + 1} times.`,
      fix: commands.kernel(`logs ${app} --process ${place}`),
    })),
})
