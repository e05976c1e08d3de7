/**
 * Any sequence of what people do with apps, databases and volumes, on the installed system, with kernels that are killed at
 * any moment: store, engine, disk, database server and firewall agree with each other and with what people were told.
 */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { type AppModel, fromMachine, fromStore, type Model } from './model-world.ts'
import { commit } from './repository.ts'

const device = 'postgres'
/** `npm run test:model` plays a long one. */
const length = process.env.MEGAPOLOS_FULL ? 120 : 18

interface Act {
  readonly what: keyof typeof acts
  readonly app: string
  readonly database: string
  readonly volume: string
  readonly web: number
  /** Milliseconds after which the kernel is killed; null: it is left alone. */
  readonly killAfter: number | null
}

/** What is typed; `push` is no command. */
const acts = {
  push: () => [],
  'create an app': ({ app }: Act) => ['apps:create', app],
  'destroy an app': ({ app }: Act) => ['apps:destroy', app, '--confirm', app],
  scale: ({ app, web }: Act) => ['ps:scale', app, `web=${web}`],
  'create a database': ({ database }: Act) => ['db:create', database],
  'destroy a database': ({ database }: Act) => ['db:destroy', database, '--confirm', database],
  clone: ({ database }: Act) => ['db:clone', database, other(database)],
  rotate: ({ database }: Act) => ['db:credentials', database, '--rotate'],
  attach: ({ app, database }: Act) => ['db:attach', app, database],
  detach: ({ app, database }: Act) => ['db:detach', app, database],
  'create a volume': ({ volume }: Act) => ['volumes:create', volume],
  'destroy a volume': ({ volume }: Act) => ['volumes:destroy', volume, '--confirm', volume],
  mount: ({ app, volume }: Act) => ['volumes:attach', app, volume],
  unmount: ({ app, volume }: Act) => ['volumes:detach', app, volume],
} as const
const databases = ['one', 'two'] as const
const other = (database: string) => (database === 'one' ? 'two' : 'one')

/** What destroys comes less often than what makes: most of a sequence is about something. */
const what = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('push', 'attach', 'mount', 'rotate', 'scale') },
  { weight: 2, arbitrary: fc.constantFrom('create a database', 'create a volume', 'detach', 'unmount', 'clone') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('create an app', 'destroy an app', 'destroy a database', 'destroy a volume'),
  },
) as fc.Arbitrary<Act['what']>
const act: fc.Arbitrary<Act> = fc.record({
  what,
  app: fc.constantFrom('ant', 'ant', 'bee'),
  database: fc.constantFrom('one', 'one', 'two'),
  volume: fc.constantFrom('red', 'red', 'blue'),
  web: fc.constantFrom(1, 2),
  killAfter: fc.oneof(
    { weight: 3, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.noBias(fc.integer({ min: 0, max: 3000 })) },
  ),
})

const start: Model = { apps: {}, databases: [], volumes: [] }
const fresh: AppModel = { pushed: false, web: 1, databases: [], volumes: [] }
/** Every sequence begins with an app that has one of each. */
const beginning = (['push', 'create a database', 'create a volume', 'attach', 'mount', 'rotate'] as const).map(
  (what): Act => ({ what, app: 'ant', database: 'one', volume: 'red', web: 1, killAfter: null }),
)

/** What it makes of the model when nothing goes wrong; null: it is refused. */
function expected(model: Model, { what, app, database, volume, web }: Act): Model | null {
  const own = model.apps[app]
  const { [app]: _gone, ...rest } = model.apps
  const changed = (change: Partial<AppModel>) => ({
    ...model,
    apps: { ...rest, [app]: { ...(own ?? fresh), ...change } },
  })
  const has = model.databases.includes(database)
  const hasVolume = model.volumes.includes(volume)
  const used = (kind: 'databases' | 'volumes', name: string) =>
    Object.values(model.apps).some((one) => one[kind].includes(name))
  switch (what) {
    case 'push':
      return changed({ pushed: true })
    case 'create an app':
      return own ? null : changed({})
    case 'destroy an app':
      return own ? { ...model, apps: rest } : null
    case 'scale':
      return own ? changed({ web }) : null
    case 'create a database':
      return has ? null : { ...model, databases: [...model.databases, database].sort() }
    case 'destroy a database':
      return has && !used('databases', database) ? { ...model, databases: without(model.databases, database) } : null
    case 'clone':
      return has && !model.databases.includes(other(database)) ? { ...model, databases: [...databases] } : null
    case 'rotate':
      return has ? model : null
    case 'attach':
      return own && has && !own.databases.includes(database)
        ? changed({ databases: [...own.databases, database].sort() })
        : null
    case 'detach':
      return own?.databases.includes(database) ? changed({ databases: without(own.databases, database) }) : null
    case 'create a volume':
      return hasVolume ? null : { ...model, volumes: [...model.volumes, volume].sort() }
    case 'destroy a volume':
      return hasVolume && !used('volumes', volume) ? { ...model, volumes: without(model.volumes, volume) } : null
    case 'mount':
      return own && hasVolume ? changed({ volumes: [...without(own.volumes, volume), volume].sort() }) : null
    case 'unmount':
      return own?.volumes.includes(volume) ? changed({ volumes: without(own.volumes, volume) }) : null
  }
}

function without(list: readonly string[], one: string): string[] {
  return list.filter((name) => name !== one)
}

describe('a system that is used in any order', { timeout: 1_500_000 }, () => {
  const at = inSystem(async ({ person }) => {
    await person.must('ssh', 'megapolos', 'devices:install', device)
    const top = person.folder
    for (const app of ['ant', 'bee']) {
      await person.must('cp', '-rT', 'apps/uses-volumes', app)
      person.folder = join(top, app)
      await person.must('git', 'init', '--quiet')
      await commit(person, 'Add it')
      await person.must('git', 'remote', 'add', 'megapolos', `megapolos:${app}`)
      person.folder = top
    }
  })

  test('store, engine, disk, server and firewall always agree, and with what people were told', async () => {
    const property = async (sequence: readonly Act[]) => {
      let model = start
      for (const one of [...beginning, ...sequence]) model = await step(model, one)
    }
    const sequences = fc.array(act, { minLength: length, maxLength: length })
    // A shorter one would begin on what this one left: the seed plays all of it again.
    await fc.assert(fc.asyncProperty(sequences, property), { numRuns: 1, endOnFailure: true })
  })

  async function step(model: Model, one: Act): Promise<Model> {
    const { what, app, killAfter } = one
    const kernel = killAfter === null ? null : await at.system.pid('kernel')
    const doing = carryOut(one).then(
      () => null,
      (error: Error) => error,
    )
    if (kernel) await kill(kernel, killAfter ?? 0)
    const error = await doing
    const now = await agreed(one)
    const after = expected(model, one)
    const story = JSON.stringify({ one, error: String(error), model, now })
    if (killAfter !== null) {
      // Done or not done: nothing in between. A push that was cut off may have made its app.
      const made = { ...model, apps: { ...model.apps, [app]: model.apps[app] ?? fresh } }
      expect([model, after, what === 'push' ? made : model], story).toContainEqual(now)
    } else {
      expect(now, story).toEqual(after ?? model)
      expect(error === null, story).toBe(after !== null)
    }
    return now
  }

  async function carryOut(one: Act): Promise<unknown> {
    if (one.what !== 'push') return at.system.console(...acts[one.what](one))
    await at.person.must('git', '-C', one.app, 'commit', '--quiet', '--allow-empty', '--message', 'Again')
    return at.person.must('git', '-C', one.app, 'push', 'megapolos', 'main')
  }

  async function kill(kernel: number, after: number): Promise<void> {
    await pause(after)
    process.kill(kernel, 'SIGKILL')
    await expect.poll(() => at.system.pid('kernel').catch(() => kernel), { timeout: 60_000 }).not.toBe(kernel)
    await expect.poll(() => at.system.console('apps:list').catch(() => null), { timeout: 60_000 }).not.toBeNull()
  }

  /** What was the last to be told ends a moment later: containers that drain, and then their logins. */
  async function agreed(one: Act): Promise<Model> {
    let now = start
    const differences = async () => {
      const { model, picture } = await fromStore(at.system)
      const machine = await fromMachine(at.system, device)
      now = model
      return isDeepStrictEqual(machine, picture) ? null : { store: picture, machine }
    }
    await expect.poll(differences, { timeout: 90_000, interval: 500, message: JSON.stringify(one) }).toBeNull()
    return now
  }
})
