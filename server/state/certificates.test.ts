import { expect, test } from 'vitest'
import { certificateFor } from '../certificates/certificate-for-test.ts'
import { pairText } from '../domain/certificate.ts'
import { partId } from '../domain/part.ts'
import { onBothStores } from './stores-for-test.ts'

const pair = (name: string) => ({ chain: `chain of ${name}\n`, key: `key of ${name}\n` })
const row = (app: string | null, names: readonly string[]) => {
  const { part: _, renewal: __, askedAt: ___, ...one } = certificateFor(app, names)
  return one
}

onBothStores((store) => {
  const device = { name: 'acme', driver: 'acme', class: 'certificate', node: 'local', as: 'built-in' } as const
  const prepare = async () => {
    await store.devices.add({ ...device, version: null, state: 'ready', settings: {} })
    return (await store.apps.create('blog', 'ann')).id
  }

  test('a certificate is found again with its key, by the name of both', async () => {
    const app = await prepare()
    const part = await store.certificates.put(row(app, ['example.com']), pair('one'))
    expect(part).toBe(partId(pairText(pair('one'))))
    expect(await store.certificates.list()).toEqual([
      { ...row(app, ['example.com']), part, renewal: null, askedAt: null },
    ])
    expect(await store.certificates.pair(part)).toEqual(pair('one'))
    await expect(store.certificates.pair('0'.repeat(32))).rejects.toMatchObject({ code: 'not-found' })
  })

  test('a new one takes the place of those of the same owner and source that have no other names', async () => {
    const app = await prepare()
    const uploaded = (names: readonly string[], owner: string | null = app) => ({
      ...row(owner, names),
      source: 'uploaded' as const,
    })
    const names = async () =>
      (await store.certificates.list()).map((one) => `${one.app ? 'blog' : 'server'} ${one.names}`)
    await store.certificates.put(uploaded(['example.com']), pair('old'))
    await store.certificates.put(uploaded(['example.com', 'example.org']), pair('both'))
    await store.certificates.put(uploaded(['example.com'], null), pair('server'))
    expect(await names()).toEqual(['blog example.com,example.org', 'server example.com'])
    await store.certificates.put(uploaded(['example.com']), pair('new'))
    const all = ['blog example.com,example.org', 'server example.com', 'blog example.com']
    expect(await names()).toEqual(all)
    // The same again is not two.
    await store.certificates.put(uploaded(['example.com']), pair('new'))
    expect(await names()).toEqual(all)
    // What is issued is another matter.
    await store.certificates.put(row(app, ['example.com']), pair('issued'))
    expect(await names()).toHaveLength(4)
  })

  test('what was issued for a name that another app has now goes when that one has its own', async () => {
    const app = await prepare()
    const shop = (await store.apps.create('shop', 'ann')).id
    await store.certificates.put(row(app, ['example.com']), pair('old'))
    await store.certificates.put(row(app, ['example.org']), pair('other'))
    const part = await store.certificates.put(row(shop, ['example.com']), pair('new'))
    expect((await store.certificates.list()).map(({ names }) => names.join())).toEqual(['example.org', 'example.com'])
    expect((await store.certificates.list()).at(-1)).toMatchObject({ part, app: shop })
  })

  test('two apps may have the same one, and each loses only its own', async () => {
    const blog = await prepare()
    const shop = (await store.apps.create('shop', 'ann')).id
    const star = (app: string) => ({ ...row(app, ['*.example.com']), source: 'uploaded' as const })
    const part = await store.certificates.put(star(blog), pair('star'))
    expect(await store.certificates.put(star(shop), pair('star'))).toBe(part)
    await store.certificates.remove(shop, [part])
    expect((await store.certificates.list()).map(({ app }) => app)).toEqual([blog])
  })

  test('its certificates go with an app; with the device that issued them they only lose its name', async () => {
    const app = await prepare()
    await store.certificates.put(row(app, ['example.com']), pair('one'))
    await store.certificates.put(row(null, ['git.example.com']), pair('two'))
    await store.apps.destroy(app)
    await store.devices.remove('acme')
    expect(await store.certificates.list()).toMatchObject([{ app: null, device: null }])
  })

  test('a name that failed is remembered until it gets one', async () => {
    const app = await prepare()
    const failed = {
      failedAt: '2026-01-01T00:00:00.000Z',
      nextAt: '2026-01-01T00:01:00.000Z',
      problem: 'No.',
      found: ['Why.'],
    }
    await store.certificates.failed({ host: 'example.com', attempts: 1, ...failed })
    await store.certificates.failed({ host: 'example.com', attempts: 2, ...failed })
    await store.certificates.failed({ host: 'example.org', attempts: 1, ...failed })
    expect(await store.certificates.tries()).toEqual([
      { host: 'example.com', attempts: 2, ...failed },
      { host: 'example.org', attempts: 1, ...failed },
    ])
    await store.certificates.put(row(app, ['example.com']), pair('one'))
    await store.certificates.forgetTries(['example.org'])
    expect(await store.certificates.tries()).toEqual([])
  })

  test('what its issuer says about renewing it stays with it', async () => {
    const app = await prepare()
    const part = await store.certificates.put(row(app, ['example.com']), pair('one'))
    const renewal = { from: '2026-02-01T00:00:00.000Z', until: '2026-02-02T00:00:00.000Z' }
    await store.certificates.asked(part, renewal, '2026-01-02T00:00:00.000Z')
    expect(await store.certificates.list()).toMatchObject([{ renewal, askedAt: '2026-01-02T00:00:00.000Z' }])
  })

  test('an app does without until it is said otherwise', async () => {
    const app = await prepare()
    await store.certificates.setWithout(app, true)
    await store.certificates.setWithout(app, true)
    expect(await store.certificates.without()).toEqual([app])
    await store.certificates.setWithout(app, false)
    expect(await store.certificates.without()).toEqual([])
    await expect(store.certificates.setWithout('gone', true)).rejects.toMatchObject({ code: 'not-found' })
  })
})
