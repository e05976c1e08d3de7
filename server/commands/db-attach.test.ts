import { afterEach, beforeEach, expect, test } from 'vitest'
import { attachedWorld, push, type World } from '../../test/attached-world.ts'
import type { Actor } from '../domain/access.ts'
import { createLog } from '../log.ts'
import { createCaller } from './call.ts'
import { table } from './index.ts'
import type { Kernel } from './kernel.ts'

let world: World

beforeEach(async () => {
  world = await attachedWorld()
  await push(world)
  await push(world, 'shop')
})
afterEach(() => world.close())

async function type(line: string, apps?: readonly string[]): Promise<string> {
  const { store, kernel } = world
  const caller = createCaller(
    table,
    { store, config: { httpPort: 80 }, ...kernel } as unknown as Kernel,
    createLog(() => {}),
  )
  const actor: Actor = { name: 'ci', role: 'deployer', door: 'http', from: null, ...(apps && { apps }) }
  const signal = new AbortController().signal
  return (await caller.lines(line.split(' '), { actor, emit: () => {}, input: '', tty: false, signal })).join('\n')
}

test('a token for one app does not reach the data of another by attaching its database', async () => {
  const shop = [(await world.store.apps.get('shop')).id]
  await type('db:create blog-db')
  await type('db:attach blog blog-db')
  await expect(type('db:attach shop blog-db', shop)).rejects.toMatchObject({
    code: 'forbidden',
    message: 'The token ci is not for blog-db.',
  })
  await expect(type('db:export blog-db', shop)).rejects.toMatchObject({ code: 'forbidden' })
  await expect(type('db:credentials blog-db blog', shop)).rejects.toMatchObject({ code: 'forbidden' })
  expect(await type('db:attach shop --create memory', shop)).toBe('Attach shop-memory as DATABASE; v2 is live.')
  expect(await type('db:attach shop shop-memory --as reader', shop)).toBe('Attach shop-memory as READER; v3 is live.')
})

test('what is shown of a config is marked where it comes from an attachment', async () => {
  await type('db:create blog-db')
  await type('db:attach blog blog-db --env DB={database} --no-restart')
  expect(await type('config:show blog')).toMatch(/^DB: +from the next release on +\(attached: blog-db\)$/m)
  await push(world)
  expect(await type('config:show blog')).toMatch(/^DATABASE_URL: +memory:\/\/\S+ +\(attached: blog-db\)$/m)
  expect(await type('config:get blog DB')).toMatch(/^blog_db_[0-9a-f]{8}$/)
  expect(await type('config:export blog')).toBe('')
})

test('the audit log has the name of a rotated database, and no password', async () => {
  await type('db:create blog-db')
  await type('db:attach blog blog-db --env X=planted{user}')
  const shown = await type('db:credentials blog-db blog')
  expect(await type('db:credentials blog-db --rotate')).toBe('blog has a new login.')
  const password = /password: +(\S+)/.exec(shown)?.[1] ?? 'none'
  await expect.poll(async () => (await world.store.audit.list({ limit: 10 })).length).toBe(4)
  const audit = JSON.stringify(await world.store.audit.list({ limit: 10 }))
  expect(audit).toContain('blog-db')
  expect(audit).not.toContain(password)
  expect(audit).not.toContain('planted')
})

test('a template that stands for nothing, and an alias that is none, are told', async () => {
  await type('db:create blog-db')
  await expect(type('db:attach blog blog-db --env X={hots}')).rejects.toThrow('{hots} stands for nothing')
  await expect(type('db:attach blog blog-db --env 1X={host}')).rejects.toThrow(
    '“1X={host}” is not like DB_HOST={host}.',
  )
  await expect(type('db:attach blog blog-db --as 1x')).rejects.toThrow('An alias is made of letters')
  await expect(type('db:attach blog')).rejects.toThrow('Which database?')
  await expect(type('db:create Blog')).rejects.toThrow('A database cannot be called “Blog”')
})
