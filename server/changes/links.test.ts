/** Links, on a real store; containers and the proxy are played: what they were told is what matters. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { asker, attachedWorld, push, type World } from '../../test/attached-world.ts'

let world: World
beforeEach(async () => {
  world = await attachedWorld()
  await push(world, 'shop')
  await push(world, 'blog')
})
afterEach(() => world.close())

const now = { restart: true, dryRun: false }
const app = (name: string) => world.store.apps.get(name)
const link = async (name: string | null = null, options = now, from = 'shop', to = 'blog') =>
  world.kernel.pipeline.link(await app(from), await app(to), name, asker(), options)
const unlink = async (options = now, to = 'blog') =>
  world.kernel.pipeline.unlink(await app('shop'), await app(to), asker(), options)
const env = () => world.containers.find(({ app }) => app === shop)?.env
let shop = ''
beforeEach(async () => {
  shop = (await app('shop')).id
})

/** Who may come in by which name. */
const open = async () => (await world.kernel.attachments.links.open()).map(({ name, from }) => `${name} ${from}`)

test('a linked app knows the other one by name, and the way is open to it alone', async () => {
  expect((await link()).result).toBe('Link blog as BLOG_URL; v2 is live.')
  expect(env()).toEqual({ BLOG_URL: 'http://blog.internal' })
  expect(await open()).toEqual(['blog 10.90.0.0/24'])
  expect(await world.kernel.attachments.grants()).toEqual([{ subnet: '10.90.0.0/24', host: '10.90.251.255', port: 80 }])
})

test('unlinked, it does not, and the way is shut', async () => {
  await link()
  expect((await unlink()).result).toBe('Unlink blog (BLOG_URL); v3 is live.')
  expect(env()).toEqual({})
  expect(await open()).toEqual([])
  expect(await world.kernel.attachments.grants()).toEqual([])
})

test('without a restart the way is opened and shut at once, and the next release takes the variable', async () => {
  const save = { restart: false, dryRun: false }
  await world.store.apps.assignSubnet(shop, 10)
  await link(null, save)
  expect(env()).toEqual({})
  expect(await open()).toEqual(['blog 10.90.0.0/24'])
  await push(world, 'shop')
  expect(env()).toEqual({ BLOG_URL: 'http://blog.internal' })
  await unlink(save)
  expect(env()).toEqual({ BLOG_URL: 'http://blog.internal' })
  expect(await open()).toEqual([])
})

test('what does not come up is not linked', async () => {
  world.unhealthy = true
  await expect(link()).rejects.toThrow('It does not come up.')
  expect(env()).toEqual({})
  expect(await open()).toEqual([])
  expect(await world.store.links.list()).toEqual([])
})

test('the plan is what is done', async () => {
  const planned = await link(null, { restart: true, dryRun: true })
  expect(planned.operations[0]).toBe('let shop call blog at blog.internal')
  expect(await world.store.links.list()).toEqual([])
  expect((await link()).operations).toEqual(planned.operations)
  const closing = await unlink({ restart: true, dryRun: true })
  expect(closing.operations.at(-1)).toBe('close blog.internal for shop')
  expect((await unlink()).operations).toEqual(closing.operations)
})

test('a rename of either changes nothing for who calls', async () => {
  await link()
  await world.kernel.pipeline.rename(await app('blog'), 'journal', asker())
  await push(world, 'shop')
  expect(env()).toEqual({ BLOG_URL: 'http://blog.internal' })
  const again = link('other', now, 'shop', 'journal')
  await expect(again).rejects.toThrow('shop calls journal as blog.internal already.')
  await unlink(now, 'journal')
  expect(await open()).toEqual([])
})

test('an app that is called is not destroyed, and who calls is named', async () => {
  await link()
  const destroy = async (dryRun: boolean) => world.kernel.pipeline.destroy(await app('blog'), asker(), dryRun)
  for (const dryRun of [true, false])
    await expect(destroy(dryRun)).rejects.toMatchObject({
      message: 'blog is called by shop.',
      hint: 'First: links:remove shop blog',
    })
  await world.kernel.pipeline.destroy(await app('shop'), asker(), false)
  await destroy(false)
  expect(await world.store.links.list()).toEqual([])
})

test('a rollback brings the links of its release back, and takes later ones away', async () => {
  const back = async (version: number, without: string[] = []) =>
    world.kernel.pipeline.rollback(await app('shop'), version, asker(), { dryRun: false, without })
  await link()
  await back(1)
  expect(env()).toEqual({})
  expect(await open()).toEqual([])
  await back(2)
  expect(env()).toEqual({ BLOG_URL: 'http://blog.internal' })
  expect(await open()).toEqual(['blog 10.90.0.0/24'])
  await unlink()
  await world.kernel.pipeline.destroy(await app('blog'), asker(), false)
  await expect(back(2)).rejects.toMatchObject({
    message: 'The app that blog.internal led to was destroyed.',
    hint: 'To go on without it: --without blog',
  })
  await back(2, ['blog'])
  expect(env()).toEqual({})
})

test('names that are in the way are refused, and nothing changes', async () => {
  await expect(link(null, now, 'shop', 'shop')).rejects.toThrow('shop reaches itself without a link.')
  await world.kernel.pipeline.configure(await app('shop'), { BLOG_URL: 'x' }, asker(), now)
  await expect(link()).rejects.toThrow(
    'the link to blog.internal would set BLOG_URL, and so does the config var of that name.',
  )
  await link('articles')
  expect(env()).toEqual({ BLOG_URL: 'x', ARTICLES_URL: 'http://articles.internal' })
  await push(world, 'books')
  await expect(link('articles', now, 'blog', 'books')).rejects.toThrow(
    'articles.internal leads to the app blog already.',
  )
  expect(await open()).toEqual(['articles 10.90.0.0/24'])
})

test('killed at any of its calls, a kernel comes back with an app that is linked as its release says', async () => {
  const serving = async () => (await world.store.releases.get(shop, (await app('shop')).release ?? 0))?.links.length
  await world.boot()
  for (let at = world.calls.length + 1; ; at++) {
    await world.boot(at)
    const whole = await link().then(
      () => true,
      () => false,
    )
    await world.boot()
    expect((await world.store.links.list()).map(({ state }) => state)).toEqual((await serving()) ? ['live'] : [])
    expect(env()).toEqual((await serving()) ? { BLOG_URL: 'http://blog.internal' } : {})
    if (whole) break
    if (await serving()) await unlink()
  }
})
