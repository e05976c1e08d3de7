/** Which app may call which, as noted; on both databases. */
import { expect, test } from 'vitest'
import type { App } from '../domain/app.ts'
import { onBothStores } from './stores-for-test.ts'

onBothStores((store) => {
  const apps = async <const N extends readonly string[]>(...names: N) => {
    const made = await Promise.all(names.map((name) => store.apps.create(name, 'ann')))
    return made as { readonly [K in keyof N]: App }
  }
  const noted = async () => (await store.links.list()).map(({ name, state }) => `${name} ${state}`)

  test('what a rollout is about to use is open, and gone again when nothing came of it', async () => {
    const [shop, blog] = await apps('shop', 'blog')
    await store.links.prepare(shop.id, [{ name: 'blog', target: blog.id }])
    expect(await noted()).toEqual(['blog coming'])
    expect(await store.links.ofApp(shop.id)).toEqual([])
    await store.links.withdraw(shop.id)
    expect(await noted()).toEqual([])

    await store.links.prepare(shop.id, [{ name: 'blog', target: blog.id }])
    await store.links.replace(shop.id, [{ name: 'blog', target: blog.id }])
    await store.links.interruptAll()
    expect(await noted()).toEqual(['blog live'])
  })

  test('a name leads to one app only, whoever calls, and is free again when nobody does', async () => {
    const [shop, blog, journal] = await apps('shop', 'blog', 'journal')
    await store.links.replace(shop.id, [{ name: 'blog', target: blog.id }])
    await store.links.replace(journal.id, [{ name: 'blog', target: blog.id }])
    const other = store.links.replace(blog.id, [{ name: 'blog', target: journal.id }])
    await expect(other).rejects.toMatchObject({
      code: 'conflict',
      message: 'blog.internal leads to the app blog already.',
    })
    await store.links.replace(journal.id, [])
    await store.apps.destroy(shop.id)
    await store.links.replace(blog.id, [{ name: 'blog', target: journal.id }])
    expect(await noted()).toEqual(['blog live'])
  })

  test('an app that is called is not destroyed, and keeps its name when it is renamed', async () => {
    const [shop, blog] = await apps('shop', 'blog')
    await store.links.replace(shop.id, [{ name: 'blog', target: blog.id }])
    await expect(store.apps.destroy(blog.id)).rejects.toMatchObject({ code: 'conflict' })
    await store.apps.rename(blog.id, 'journal')
    expect(await store.links.ofApp(shop.id)).toMatchObject([{ name: 'blog', target: blog.id }])
    await store.apps.destroy(shop.id)
    await store.apps.destroy(blog.id)
    expect(await store.apps.list()).toEqual([])
  })

  test('an app that is gone is linked to nobody', async () => {
    const [shop] = await apps('shop')
    const link = store.links.replace(shop.id, [{ name: 'blog', target: '0a0a0a0a' }])
    await expect(link).rejects.toMatchObject({ code: 'not-found' })
  })
})
