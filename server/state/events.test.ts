/** What the store promises about events, on both databases. */
import { expect, test } from 'vitest'
import { onBothStores } from './stores-for-test.ts'

onBothStores((store) => {
  test('events are read oldest first, and those of an app by its name of now and of then', async () => {
    const { id } = await store.apps.create('blog', 'ann')
    const event = (text: string, app: string | null, appName: string | null) =>
      ({ at: '2026-01-01T00:00:00.000Z', kind: 'app', app, appName, job: 7, text }) as const
    await store.events.add([event('a', id, 'log'), event('b', null, null), event('c', 'feedbeef', 'blog')])
    await store.events.add([event('d', 'feedbeef', 'shop')])
    const texts = async (filter: object) => (await store.events.list({ limit: 10, ...filter })).map(({ text }) => text)
    expect(await texts({})).toEqual(['a', 'b', 'c', 'd'])
    expect(await texts({ limit: 2 })).toEqual(['c', 'd'])
    expect(await texts({ app: 'blog' })).toEqual(['a', 'c'])
    expect((await store.events.lastOf('app'))?.text).toBe('d')
    expect(await store.events.lastOf('kernel')).toBeUndefined()
    const [, second] = await store.events.list({ limit: 10 })
    expect(await texts({ after: second?.id })).toEqual(['c', 'd'])
  })

  test('of events the newest 10,000 stay', async () => {
    const event = { at: '2026-01-01T00:00:00.000Z', kind: 'kernel', app: null, appName: null, job: null } as const
    for (let batch = 0; batch < 11; batch++)
      await store.events.add(Array.from({ length: 1000 }, (_, n) => ({ ...event, text: `${batch} ${n}` })))
    const all = await store.events.list({ limit: 20_000 })
    expect(all.length).toBe(10_000)
    expect(all.at(0)?.text).toBe('1 0')
  })
})
