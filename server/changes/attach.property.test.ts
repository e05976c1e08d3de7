/** Any sequence of changes, with rollouts that fail, a server that is away and kernels that die: everything always agrees. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { agrees, asker, attachedWorld, push, type World } from '../../test/attached-world.ts'

const apps = ['ant', 'bee'] as const
const names = ['one', 'two', 'three'] as const

/** What people believe: apps with what is attached to them, and databases. */
interface Model {
  readonly apps: Readonly<Record<string, readonly string[]>>
  readonly databases: readonly string[]
}

interface Act {
  readonly what: 'create' | 'destroy' | 'attach' | 'detach' | 'rotate' | 'push' | 'destroy app'
  readonly app: string
  readonly database: string
  readonly trouble: 'none' | 'unhealthy' | 'away' | { readonly killAt: number }
}

const act: fc.Arbitrary<Act> = fc.record({
  what: fc.constantFrom('create', 'destroy', 'attach', 'attach', 'detach', 'rotate', 'push', 'push', 'destroy app'),
  app: fc.constantFrom(...apps),
  database: fc.constantFrom(...names),
  trouble: fc.oneof(
    { weight: 6, arbitrary: fc.constant('none' as const) },
    { weight: 1, arbitrary: fc.constant('unhealthy' as const) },
    { weight: 1, arbitrary: fc.constant('away' as const) },
    { weight: 3, arbitrary: fc.record({ killAt: fc.integer({ min: 1, max: 12 }) }) },
  ),
})

/** What it makes of the model when nothing goes wrong; null: it is refused. */
function expected({ apps, databases }: Model, { what, app, database }: Act): Model | null {
  const attached = apps[app]
  const with_ = (list: readonly string[]) => ({ databases, apps: { ...apps, [app]: [...list].sort() } })
  switch (what) {
    case 'create':
      return databases.includes(database) ? null : { apps, databases: [...databases, database].sort() }
    case 'destroy': {
      const used = Object.values(apps).some((list) => list.includes(database))
      return !databases.includes(database) || used
        ? null
        : { apps, databases: databases.filter((one) => one !== database) }
    }
    case 'attach':
      return !attached || !databases.includes(database) || attached.includes(database)
        ? null
        : with_([...attached, database])
    case 'detach':
      return attached?.includes(database) ? with_(attached.filter((one) => one !== database)) : null
    case 'rotate':
      return attached ? { apps, databases } : null
    case 'push':
      return with_(attached ?? [])
    case 'destroy app': {
      const { [app]: gone, ...rest } = apps
      return gone ? { databases, apps: rest } : null
    }
  }
}

async function carryOut(world: World, { what, app, database }: Act): Promise<unknown> {
  const { pipeline, databases, attachments } = world.kernel
  const now = { restart: true, dryRun: false }
  const found = async () => world.store.apps.get(app)
  switch (what) {
    case 'create':
      return databases.create(database, await attachments.databases.device(null), asker())
    case 'destroy':
      return databases.destroy(database, asker())
    case 'attach':
      return pipeline.attach(await found(), { database, alias: null, env: {}, on: null }, asker(), now)
    case 'detach':
      return pipeline.detach(await found(), { database, alias: null }, asker(), now)
    case 'rotate':
      return pipeline.relogin(await found(), { fresh: [database] }, asker())
    case 'push':
      return push(world, app)
    case 'destroy app':
      return pipeline.destroy(await found(), asker(), false)
  }
}

async function observed(world: World): Promise<Model> {
  const [all, list, databases] = await Promise.all([
    world.store.attachments.list(),
    world.store.apps.list(),
    world.store.databases.list(),
  ])
  const own = (id: string) => all.filter((one) => one.app === id).map((one) => one.database)
  return {
    databases: databases.map(({ name }) => name).sort(),
    apps: Object.fromEntries(list.map(({ id, name }) => [name, own(id).sort()])),
  }
}

test('store, server and containers agree with what people were told, whatever went wrong', {
  timeout: 300_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 4, maxLength: 14 }), async (acts) => {
      const world = await attachedWorld()
      try {
        let model: Model = { apps: {}, databases: [] }
        for (const one of acts) model = await step(world, model, one)
      } finally {
        await world.close()
      }
    }),
    { numRuns: 60 },
  )
})

async function step(world: World, model: Model, one: Act): Promise<Model> {
  const { trouble } = one
  const killed = typeof trouble === 'object'
  if (killed) {
    await world.boot()
    await world.boot(world.calls.length + trouble.killAt)
  }
  world.unhealthy = trouble === 'unhealthy'
  world.server.away = trouble === 'away'
  const outcome = await carryOut(world, one).then(
    () => 'done' as const,
    (error: Error) => error,
  )
  world.unhealthy = false
  world.server.away = false
  if (killed) await world.boot()
  await agrees(world)
  const now = await observed(world)
  const after = expected(model, one)
  const story = JSON.stringify({ one, outcome: String(outcome), model, now })
  const atServer = trouble === 'away' && one.what === 'destroy'
  if (killed || atServer || (one.what === 'push' && outcome !== 'done')) {
    // Done or not done: nothing in between. A push that is refused may have made its app, and what is to be destroyed goes
    // when the server is back.
    const made = { ...model, apps: { [one.app]: [], ...model.apps } }
    expect([model, after, one.what === 'push' ? made : model], story).toContainEqual(now)
  } else if (outcome === 'done') expect(now, story).toEqual(after)
  else {
    expect(now, story).toEqual(model)
    if (trouble === 'none') expect(after, story).toBeNull()
  }
  return now
}
