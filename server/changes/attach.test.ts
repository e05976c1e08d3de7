import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { agrees as agree, asker, attachedWorld, Killed, opensIn, push, type World } from '../../test/attached-world.ts'
import type { App } from '../domain/app.ts'

let world: World
const now = { restart: true, dryRun: false }
const later = { restart: false, dryRun: false }
const plain = { alias: null, env: {}, on: null }

beforeEach(async () => {
  world = await attachedWorld()
})
afterEach(() => world.close())

const app = (name = 'blog') => world.store.apps.get(name)
const device = () => world.kernel.attachments.databases.device(null)
const create = async (name: string) => world.kernel.databases.create(name, await device(), asker())
const attach = async (database: string, more = {}, options = now, name = 'blog') =>
  world.kernel.pipeline.attach(await app(name), { ...plain, database, ...more }, asker(), options)
const detach = async (database: string, alias: string | null = null, options = now) =>
  world.kernel.pipeline.detach(await app(), { database, alias }, asker(), options)
const rotate = async (database: string) => world.kernel.pipeline.relogin(await app(), { fresh: [database] }, asker())
const saved = async (of: App) =>
  (await world.store.attachments.ofApp(of.id)).map((one) => `${one.alias} ${one.database}`)
const env = () => world.containers.at(-1)?.env ?? {}
const opens = (url: string | undefined) => opensIn(world, url)
const agrees = () => agree(world)

describe('attach', () => {
  test('an app gets a login of its own, injected under the alias of the driver', async () => {
    await push(world)
    await create('blog-db')
    expect((await attach('blog-db')).result).toBe('Attach blog-db as DATABASE; v2 is live.')
    expect(opens(env().DATABASE_URL)).toBe(true)
    expect(await saved(await app())).toEqual(['DATABASE blog-db'])
    const grant = { subnet: '10.90.0.0/24', host: '10.90.248.1', port: 5432 }
    expect(await world.kernel.attachments.grants()).toEqual([grant])
    await agrees()
  })

  test('a second database gets a name of its own, and promoting it changes their names', async () => {
    await push(world)
    await create('blog-db')
    await create('blog-cache')
    await attach('blog-db')
    await attach('blog-cache')
    expect(Object.keys(env()).sort()).toEqual(['BLOG_CACHE_URL', 'DATABASE_URL'])
    const before = env()
    await world.kernel.pipeline.promote(await app(), 'blog-cache', asker(), now)
    expect(env()).toEqual({ DATABASE_URL: before.BLOG_CACHE_URL, BLOG_DB_URL: before.DATABASE_URL })
    await agrees()
  })

  test('one whose own name is taken as well gets a number', async () => {
    await push(world)
    for (const name of ['blog-db', 'cache', 'other']) await create(name)
    await attach('blog-db')
    await attach('other', { alias: 'CACHE' })
    await attach('cache')
    expect(Object.keys(env()).sort()).toEqual(['CACHE_2_URL', 'CACHE_URL', 'DATABASE_URL'])
    await agrees()
  })

  test('variables are made as the person wishes', async () => {
    await push(world)
    await create('blog-db')
    await attach('blog-db', { env: { DB_HOST: '{host}', DB: '{user}@{database}:{port}' } })
    const { username, pathname } = new URL(env().DATABASE_URL ?? '')
    expect(env()).toMatchObject({ DB_HOST: '10.90.248.1', DB: `${username}@${pathname.slice(1)}:5432` })
  })

  test('one that does not come up is not attached, and what was created for it is gone', async () => {
    await push(world)
    world.unhealthy = true
    const change = attach('blog-memory', { on: await device() })
    await expect(change).rejects.toThrow('It does not come up.')
    expect(await saved(await app())).toEqual([])
    await agrees()
    expect(world.server.databases.size).toBe(0)
    expect(await world.store.releases.list((await app()).id)).toHaveLength(1)
  })

  test('created and attached in one, before the first push and after it', async () => {
    await world.kernel.pipeline.create('blog', 'ann')
    await attach('blog-memory', { on: await device() })
    await push(world)
    expect(opens(env().DATABASE_URL)).toBe(true)
    await agrees()
  })

  test('a variable that is set already is refused naming both, whoever comes second', async () => {
    await push(world)
    await create('blog-db')
    await world.kernel.pipeline.configure(await app(), { DATABASE_URL: 'x' }, asker(), now)
    await expect(attach('blog-db')).rejects.toMatchObject({
      code: 'conflict',
      message: 'blog-db as DATABASE would set DATABASE_URL, and so does the config var of that name.',
    })
    await world.kernel.pipeline.configure(await app(), { DATABASE_URL: null }, asker(), now)
    await attach('blog-db')
    const set = world.kernel.pipeline.configure(await app(), { DATABASE_URL: 'x' }, asker(), later)
    await expect(set).rejects.toMatchObject({ code: 'conflict' })
    await expect(attach('blog-db', { alias: 'OTHER', env: { DATABASE_URL: '{url}' } })).rejects.toMatchObject({
      message: 'blog-db as OTHER would set DATABASE_URL, and so does blog-db as DATABASE.',
    })
    await agrees()
  })

  test('what is attached already is refused naming its alias', async () => {
    await push(world)
    await create('blog-db')
    await attach('blog-db')
    await expect(attach('blog-db')).rejects.toThrow('blog-db is already attached to blog as DATABASE.')
    await attach('blog-db', { alias: 'READER' })
    await expect(detach('blog-db')).rejects.toThrow('blog-db is attached to blog as DATABASE, READER.')
    await detach('blog-db', 'DATABASE')
    expect(Object.keys(env())).toEqual(['READER_URL'])
    await agrees()
  })

  test('two apps share a database with logins of their own, and one lets go of it', async () => {
    await push(world)
    await push(world, 'shop')
    await create('blog-db')
    await attach('blog-db')
    await attach('blog-db', {}, now, 'shop')
    expect([...world.server.databases.values()][0]?.logins.size).toBe(2)
    await world.kernel.pipeline.destroy(await app(), asker(), false)
    expect([...world.server.databases.values()][0]?.logins.size).toBe(1)
    await agrees()
  })

  test('a rename harms nothing', async () => {
    await push(world)
    await create('blog-db')
    await attach('blog-db')
    await world.kernel.pipeline.rename(await app(), 'journal', asker())
    await world.kernel.pipeline.relogin(await app('journal'), { fresh: ['blog-db'] }, asker())
    await expect(world.kernel.databases.destroy('blog-db', asker())).rejects.toThrow('blog-db is attached to journal.')
    expect(opens(env().DATABASE_URL)).toBe(true)
    await agrees()
  })

  test('a server that is away refuses, and nothing is left when it is back', async () => {
    await push(world)
    await create('blog-db')
    world.server.away = true
    await expect(attach('blog-db')).rejects.toMatchObject({ code: 'unavailable' })
    world.server.away = false
    await agrees()
    await attach('blog-db')
    await agrees()
  })
})

describe('detach and destroy', () => {
  test('a database that an app is attached to is not destroyed, and the app is named', async () => {
    await push(world)
    await create('blog-db')
    await attach('blog-db')
    await expect(world.kernel.databases.destroy('blog-db', asker())).rejects.toMatchObject({
      code: 'conflict',
      message: 'blog-db is attached to blog.',
      hint: 'First: db:detach blog blog-db',
    })
    await detach('blog-db')
    expect(env()).toEqual({})
    await world.kernel.databases.destroy('blog-db', asker())
    expect(world.server.databases.size).toBe(0)
    await agrees()
  })

  test('one that is detached but still in use by the release that serves is not destroyed either', async () => {
    await push(world)
    await create('blog-db')
    await attach('blog-db')
    await detach('blog-db', null, later)
    await expect(world.kernel.databases.destroy('blog-db', asker())).rejects.toThrow('blog-db is attached to blog.')
    await push(world)
    expect(env()).toEqual({})
    await world.kernel.databases.destroy('blog-db', asker())
  })

  test('a database that draining containers use is destroyed only after they have gone', async () => {
    await push(world)
    await create('blog-db')
    await attach('blog-db')
    const before = env().DATABASE_URL
    world.draining = true
    await detach('blog-db')
    const by = asker()
    const destroyed = world.kernel.databases.destroy('blog-db', by)
    await expect.poll(() => by.lines).toContain('       Waiting for the last containers that use it')
    expect(opens(before)).toBe(true)
    world.containers = world.containers.slice(-1)
    await destroyed
    expect(world.server.databases.size).toBe(0)
    await agrees()
  })

  test('one whose server is away is destroyed when it is back, and that is said', async () => {
    await create('blog-db')
    world.server.away = true
    await expect(world.kernel.databases.destroy('blog-db', asker())).rejects.toMatchObject({
      code: 'unavailable',
      hint: 'blog-db goes as soon as its server answers.',
    })
    world.server.away = false
    await create('blog-db')
    expect(world.server.databases.size).toBe(1)
    await agrees()
  })

  test('an app that is destroyed is detached; its database stays, and is named', async () => {
    await push(world)
    await create('blog-db')
    await attach('blog-db')
    const { result } = await world.kernel.pipeline.destroy(await app(), asker(), false)
    expect(result).toBe('blog is gone. Detached and kept: blog-db.')
    expect([...world.server.databases.values()].map(({ logins }) => logins.size)).toEqual([0])
    await agrees()
  })

  test('a rollback to a release whose database is destroyed is refused naming it, and goes on without it', async () => {
    await push(world)
    await create('blog-db')
    await attach('blog-db')
    await detach('blog-db')
    await world.kernel.databases.destroy('blog-db', asker())
    const to = (without: string[]) => async () =>
      world.kernel.pipeline.rollback(await app(), 2, asker(), { dryRun: false, without })
    await expect(to([])()).rejects.toMatchObject({
      code: 'conflict',
      message: 'The database blog-db, attached as DATABASE, was destroyed.',
      hint: 'To go on without it: --without blog-db',
    })
    expect((await to(['blog-db'])()).release).toBe(4)
    await agrees()
  })
})

describe('rotation', () => {
  test('the new login is used from the switch on, and the old one ends with the old containers', async () => {
    await push(world)
    await create('blog-db')
    await attach('blog-db')
    const before = env().DATABASE_URL
    world.draining = true
    await rotate('blog-db')
    await world.kernel.attachments.attend()
    expect([opens(before), opens(env().DATABASE_URL)]).toEqual([true, true])
    expect(env().DATABASE_URL).not.toBe(before)
    world.containers = world.containers.slice(-1)
    world.kernel.attachments.looked((await app()).id)
    await world.kernel.attachments.attend()
    expect([opens(before), opens(env().DATABASE_URL)]).toEqual([false, true])
    await agrees()
  })

  test('rotated and then rolled back two releases, it still connects', async () => {
    await push(world)
    await create('blog-db')
    await attach('blog-db')
    for (const A of ['1', '2']) await world.kernel.pipeline.configure(await app(), { A }, asker(), now)
    await rotate('blog-db')
    await world.kernel.pipeline.rollback(await app(), 2, asker(), { dryRun: false, without: [] })
    expect(opens(env().DATABASE_URL)).toBe(true)
    await agrees()
  })

  test('one that does not come up leaves the login that serves', async () => {
    await push(world)
    await create('blog-db')
    await attach('blog-db')
    world.unhealthy = true
    await expect(rotate('blog-db')).rejects.toThrow('It does not come up.')
    expect(opens(env().DATABASE_URL)).toBe(true)
    await agrees()
  })
})

describe('content', () => {
  const fill = (name: string, rows: string[]) => async () => {
    const { handle } = await world.store.databases.get(name)
    world.server.databases.get(handle)?.rows.push(...rows)
  }
  const rows = async (name: string) => {
    const { handle } = await world.store.databases.get(name)
    return world.server.databases.get(handle)?.rows
  }

  test('a clone is a copy of its own', async () => {
    await create('blog-db')
    await fill('blog-db', ['a', 'b'])()
    await world.kernel.databases.clone(await world.store.databases.get('blog-db'), 'copy', await device(), asker())
    await fill('blog-db', ['c'])()
    expect(await rows('copy')).toEqual(['a', 'b'])
    await agrees()
  })

  test('what is imported takes the place of what was there, which is kept; apps are moved to it', async () => {
    await push(world)
    await create('blog-db')
    await attach('blog-db')
    await fill('blog-db', ['old'])()
    const into = await world.store.databases.get('blog-db')
    const bytes = (text: string) => Readable.from([Buffer.from(text)])
    const { kept } = await world.kernel.databases.import(into, bytes('["new"]'), asker())
    expect(kept).toMatch(/^blog-db-before-\d{8}$/)
    expect([await rows('blog-db'), await rows(kept ?? '')]).toEqual([['new'], ['old']])
    expect(new URL(env().DATABASE_URL ?? '').pathname).toBe(`/${(await world.store.databases.get('blog-db')).handle}`)
    await agrees()
    const half = world.kernel.databases.import(await world.store.databases.get('blog-db'), bytes('["ne'), asker())
    await expect(half).rejects.toThrow('The dump is not whole.')
    expect(await rows('blog-db')).toEqual(['new'])
    await agrees()
  })

  test('a scratch database whose server is away when it is to be dropped is gone when the server is back', async () => {
    const scratch = await world.kernel.switching.scratch('memory')
    world.server.away = true
    await scratch.drop()
    expect([...world.server.databases.keys()]).toEqual([scratch.handle])
    await expect(world.kernel.switching.scratch('memory')).rejects.toThrow('does not answer')
    world.server.away = false
    await agrees()
  })

  test('content that an app does not come up with is not switched to', async () => {
    await push(world)
    await create('blog-db')
    await attach('blog-db')
    const database = await world.store.databases.get('blog-db')
    const scratch = await world.kernel.switching.scratch('memory')
    world.unhealthy = true
    const job = { ...asker(), id: 1, did: () => {}, commit: () => {} }
    await expect(world.kernel.switching.replace(database, scratch, job)).rejects.toThrow('It does not come up.')
    world.unhealthy = false
    await scratch.drop()
    expect(await world.store.databases.get('blog-db')).toEqual(database)
    await agrees()
  })
})

describe('app.json', () => {
  test('addons are created and attached at the first push, and gone again when it is refused', async () => {
    world.addons = [
      { name: 'heroku-memory', as: null },
      { name: 'papertrail', as: null },
    ]
    world.unhealthy = true
    await expect(push(world)).rejects.toThrow('It does not come up.')
    await agrees()
    expect(world.server.databases.size).toBe(0)
    world.unhealthy = false
    await push(world)
    expect(await saved(await app())).toEqual(['DATABASE blog-memory'])
    expect(opens(env().DATABASE_URL)).toBe(true)
    await push(world)
    expect(await world.store.databases.list()).toHaveLength(1)
    await agrees()
  })
})

const acts: Record<string, () => Promise<unknown>> = {
  create: () => create('extra'),
  attach: () => attach('spare'),
  'attach --create': async () => attach('blog-memory', { on: await device() }),
  detach: () => detach('blog-db'),
  rotate: () => rotate('blog-db'),
  destroy: () => world.kernel.databases.destroy('spare', asker()),
  'apps:destroy': async () => world.kernel.pipeline.destroy(await app(), asker(), false),
  import: async () => {
    const into = await world.store.databases.get('blog-db')
    return world.kernel.databases.import(into, Readable.from([Buffer.from('["new"]')]), asker())
  },
}

test.each(Object.keys(acts))(
  'a kernel killed at any step of %s leaves nothing half done, and the same again succeeds',
  { timeout: 120_000 },
  async (name) => {
    const act = acts[name] as () => Promise<unknown>
    for (let step = 1; ; step++) {
      await world.close()
      world = await attachedWorld()
      await push(world)
      await create('blog-db')
      await create('spare')
      await attach('blog-db')
      // Counted from here: what booting itself writes comes before.
      await world.boot()
      const before = world.calls.length
      await world.boot(before + step)
      const outcome = await act().then(
        () => 'done',
        (error) => error,
      )
      const finished = world.calls.length <= before + step
      const steps = world.calls.slice(before, before + step)
      await world.boot()
      await agrees().catch((error) => {
        throw new Error(`${name} killed after ${steps.join(', ')}: ${error.message}`)
      })
      if (finished) return expect(outcome).toBe('done')
      if (outcome !== 'done') expect(outcome).not.toBeUndefined()
      await act().catch((error) => {
        // Done already is as good as done now.
        if (!/already attached|not attached|no database named|already a database|no app named/.test(error.message))
          throw new Error(`${name} again after ${steps.join(', ')}: ${error.message}`)
      })
      await agrees()
      expect(step).toBeLessThan(80)
    }
  },
)

test('the kill is real', async () => {
  await world.boot(world.calls.length)
  await expect(world.kernel.pipeline.create('other', 'ann')).rejects.toBeInstanceOf(Killed)
})
