/** Claims on hosts and what is said about requests; on both databases. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { addressOf } from '../domain/claims.ts'
import { onBothStores } from './stores-for-test.ts'

onBothStores((store) => {
  const twoApps = async () =>
    [(await store.apps.create('blog', 'ann')).id, (await store.apps.create('shop', 'ann')).id] as const
  const addresses = async (app: string) => (await store.domains.ofApp(app)).map(addressOf)

  test('a host and paths below it can belong to several apps, each of them to one', async () => {
    const [blog, shop] = await twoApps()
    await store.domains.set(blog, ['example.com', 'example.com/a'])
    await store.domains.set(shop, ['example.com/b'])
    expect(await addresses(blog)).toEqual(['blog.localhost', 'example.com', 'example.com/a'])
    await expect(store.domains.set(shop, ['example.com/b', 'example.com/a'])).rejects.toMatchObject({
      code: 'conflict',
      message: 'example.com/a is already a domain of the app blog.',
    })
    expect(await addresses(shop)).toEqual(['shop.localhost', 'example.com/b'])
    await store.domains.remove(blog, ['example.com'])
    expect(await addresses(blog)).toEqual(['blog.localhost', 'example.com/a'])
  })

  test('a domain is taken from another app in one step, and no longer counts as that app’s canonical one', async () => {
    const [blog, shop] = await twoApps()
    await store.domains.set(blog, ['a.org', 'b.org'])
    await store.domains.setCanonical(blog, 'a.org')
    const [taken] = (await store.domains.ofApp(blog)).filter(({ host }) => host === 'a.org')
    await store.domains.set(shop, ['a.org'], taken && [taken])
    expect(await addresses(blog)).toEqual(['blog.localhost', 'b.org'])
    expect((await store.domains.ofApp(shop)).at(-1)).toEqual({ host: 'a.org', app: shop, kind: 'custom' })
  })

  test('what somebody else took in between is not taken from them', async () => {
    const [blog, shop] = await twoApps()
    const third = (await store.apps.create('third', 'ann')).id
    await store.domains.set(third, ['a.org'])
    const seen = { host: 'a.org', app: blog, kind: 'custom' } as const
    await expect(store.domains.set(shop, ['a.org'], [seen])).rejects.toMatchObject({ message: /of the app third/ })
    expect(await addresses(third)).toContain('a.org')
  })

  test('a redirected host is held like any other; it can be led elsewhere by its own app alone', async () => {
    const [blog, shop] = await twoApps()
    await store.domains.redirect(blog, 'old.org', { to: 'new.org', status: 301 })
    await store.domains.redirect(blog, 'old.org', { to: 'newer.org', status: 302 })
    const conflict = { code: 'conflict', message: 'old.org is already a domain of the app blog.' }
    await expect(store.domains.redirect(shop, 'old.org', { to: 'x.org', status: 301 })).rejects.toMatchObject(conflict)
    await expect(store.domains.set(shop, ['old.org'])).rejects.toMatchObject(conflict)
    await expect(store.domains.set(blog, ['old.org'])).rejects.toMatchObject(conflict)
    expect((await store.domains.ofApp(blog)).at(-1)).toEqual({
      ...{ host: 'old.org', app: blog, kind: 'redirect', redirect: { to: 'newer.org', status: 302 } },
    })
    await store.domains.set(blog, ['a.org'])
    expect(await addresses(blog)).toEqual(['blog.localhost', 'a.org', 'old.org'])
  })

  test('one domain of an app is canonical, and only a whole host can be', async () => {
    const [blog] = await twoApps()
    await store.domains.set(blog, ['a.org', 'b.org', 'b.org/x', '*.c.org'])
    await store.domains.setCanonical(blog, 'a.org')
    await store.domains.setCanonical(blog, 'b.org')
    const marked = async () => (await store.domains.ofApp(blog)).filter(({ canonical }) => canonical).map(addressOf)
    expect(await marked()).toEqual(['b.org'])
    await expect(store.domains.setCanonical(blog, 'd.org')).rejects.toMatchObject({ code: 'not-found' })
    await expect(store.domains.setCanonical(blog, '*.c.org')).rejects.toMatchObject({ kind: 'check' })
    await store.domains.set(blog, ['a.org'])
    expect(await marked()).toEqual([])
  })

  test('what lies below a default host, and what leads to it, follows its name', async () => {
    const [blog, shop] = await twoApps()
    await store.domains.set(shop, ['blog.localhost/shop'])
    await store.domains.redirect(shop, 'old.org', { to: 'blog.localhost', status: 301 })
    await store.domains.setCanonical(blog, 'blog.localhost')
    await store.apps.rename(blog, 'journal')
    expect(await addresses(shop)).toEqual(['shop.localhost', 'journal.localhost/shop', 'old.org'])
    await store.domains.setGlobal('apps.org')
    expect(await addresses(shop)).toEqual(['shop.apps.org', 'journal.apps.org/shop', 'old.org'])
    expect((await store.domains.ofApp(shop)).at(-1)?.redirect?.to).toBe('journal.apps.org')
    expect((await store.domains.ofApp(blog))[0]).toMatchObject({ host: 'journal.apps.org', canonical: true })
  })

  test('limits, users and a page are kept for each app, and go with it', async () => {
    const [blog, shop] = await twoApps()
    expect(await store.routing.of(blog)).toEqual({})
    await store.routing.setLimits(blog, { largestBody: 10, timeout: 5 })
    await store.routing.setLimits(blog, { timeout: null, hsts: 60 })
    await store.routing.setUser(blog, 'ann', '$6$salt$one')
    await store.routing.setUser(blog, 'ann', '$6$salt$two')
    await store.routing.setUser(shop, 'bob', '$6$salt$three')
    const page = '<h1>Back at noon</h1>'
    await store.routing.setMaintenance(blog, { page })
    const id = createHash('sha256').update(page).digest('hex').slice(0, 32)
    const said = { largestBody: 10, hsts: 60, users: { ann: '$6$salt$two' }, maintenance: id }
    expect(await store.routing.of(blog)).toEqual(said)
    expect(Object.fromEntries(await store.routing.list())).toEqual({
      [blog]: said,
      [shop]: { users: { bob: '$6$salt$three' } },
    })
    expect(await store.routing.page(id)).toBe(page)

    await store.routing.setMaintenance(blog, { page: null })
    expect(await store.routing.page(id)).toBeNull()
    expect(await store.routing.of(blog)).toMatchObject({ maintenance: 'standard' })
    await store.routing.setMaintenance(blog, null)
    expect(await store.routing.removeUser(blog, 'ann')).toBe(true)
    expect(await store.routing.removeUser(blog, 'ann')).toBe(false)
    expect(await store.routing.of(blog)).toEqual({ largestBody: 10, hsts: 60 })

    await store.apps.destroy(shop)
    expect([...(await store.routing.list()).keys()]).toEqual([blog])
    await expect(store.routing.setMaintenance(shop, { page: null })).rejects.toMatchObject({ code: 'not-found' })
  })

  test('a snapshot brings everything of its apps back, and nothing of others', async () => {
    const [blog, shop] = await twoApps()
    await store.domains.set(blog, ['a.org', 'a.org/x'])
    await store.domains.setCanonical(blog, 'a.org')
    await store.domains.redirect(blog, 'old.org', { to: 'a.org', status: 308 })
    await store.routing.setLimits(blog, { timeout: 5 })
    await store.routing.setUser(blog, 'ann', '$6$salt$one')
    await store.routing.setMaintenance(blog, { page: '<p>page' })
    const state = async () => [await store.domains.list(), await store.routing.list()]
    const before = await state()
    const kept = await store.routing.snapshot([blog, shop])

    const [taken] = (await store.domains.list()).filter(({ host }) => host === 'a.org')
    await store.domains.set(shop, ['a.org', 'c.org'], taken && [taken])
    await store.domains.set(blog, [])
    await store.routing.removeUser(blog, 'ann')
    await store.routing.setMaintenance(blog, null)
    await store.routing.setLimits(shop, { timeout: 7 })
    await store.routing.restore(kept)
    expect(await state()).toEqual(before)
    expect(await store.routing.page(before[1] instanceof Map ? before[1].get(blog)?.maintenance : '')).toBe('<p>page')
  })

  test('proxies that are trusted are nobody’s until somebody is named', async () => {
    expect(await store.routing.trusted()).toEqual([])
    await store.routing.trust(['10.0.0.0/8', '::1'])
    expect(await store.routing.trusted()).toEqual(['10.0.0.0/8', '::1'])
    await store.routing.trust([])
    expect(await store.routing.trusted()).toEqual([])
  })
})
