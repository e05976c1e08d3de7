/** What the store promises about tokens, on both databases. */
import { describe, expect, test } from 'vitest'
import { onBothStores } from './stores-for-test.ts'

onBothStores((store) => {
  describe('tokens', () => {
    const until = '2030-01-01T00:00:00.000Z'
    const hash = (digit: string) => digit.repeat(64)

    test('a token is found by its hash alone, until it is revoked; a name is given once', async () => {
      const token = { name: 'ci', role: 'deployer', apps: null, expiresAt: until } as const
      const added = await store.tokens.add(token, hash('a'))
      await expect(store.tokens.add(token, hash('b'))).rejects.toMatchObject({ code: 'conflict', message: /named ci/ })
      expect(await store.tokens.byHash(hash('a'))).toEqual(added)
      expect(await store.tokens.byHash(hash('b'))).toBeNull()
      await store.tokens.used('ci', '2026-01-01T10:00:00.000Z')
      expect(await store.tokens.list()).toEqual([{ ...added, lastUsedAt: '2026-01-01T10:00:00.000Z' }])
      expect(await store.tokens.revoke('ci')).toBe(true)
      expect(await store.tokens.revoke('ci')).toBe(false)
      expect(await store.tokens.byHash(hash('a'))).toBeNull()
    })

    test('a token for some apps does not become one for all when they are destroyed, nor one for others of their names', async () => {
      const [blog, shop] = [await store.apps.create('blog', 'ann'), await store.apps.create('shop', 'ann')]
      const token = { name: 'ci', role: 'deployer', apps: [blog.id, shop.id], expiresAt: until } as const
      await store.tokens.add(token, hash('a'))
      await store.apps.rename(blog.id, 'journal')
      expect((await store.tokens.byHash(hash('a')))?.apps?.toSorted()).toEqual([blog.id, shop.id].toSorted())
      await store.apps.destroy(blog.id)
      await store.apps.destroy(shop.id)
      await store.apps.create('blog', 'ann')
      expect((await store.tokens.byHash(hash('a')))?.apps).toEqual([])
      await expect(store.tokens.add({ ...token, name: 'late' }, hash('b'))).rejects.toMatchObject({ code: 'not-found' })
      expect((await store.tokens.list()).map(({ name }) => name)).toEqual(['ci'])
    })
  })
})
