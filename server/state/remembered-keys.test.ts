import { expect, test } from 'vitest'
import { UserError } from '../errors.ts'
import { rememberedKeys } from './remembered-keys.ts'
import type { Keys } from './store.ts'
import { startStore } from './test-stores.ts'

const ann = { name: 'ann', fingerprint: 'SHA256:abc', publicKey: 'ssh-ed25519 AAAA', role: 'admin' } as const

test('keys are known while the store is away, and one that is removed is not known any more', async () => {
  const { store, stop } = await startStore('sqlite')
  await store.keys.add(ann)
  let away = false
  const answering = <T>(answer: () => Promise<T>): Promise<T> =>
    away ? Promise.reject(new UserError('unavailable', 'The store does not answer.')) : answer()
  const guarded: Keys = {
    list: () => answering(() => store.keys.list()),
    byName: (name) => answering(() => store.keys.byName(name)),
    byFingerprint: (fingerprint) => answering(() => store.keys.byFingerprint(fingerprint)),
    add: (key) => answering(() => store.keys.add(key)),
    remove: (name) => answering(() => store.keys.remove(name)),
  }
  const keys = await rememberedKeys(guarded)
  await keys.add({ ...ann, name: 'bob', fingerprint: 'SHA256:def' })
  away = true
  expect((await keys.byFingerprint('SHA256:abc'))?.name).toBe('ann')
  expect((await keys.byName('bob'))?.fingerprint).toBe('SHA256:def')
  await expect(keys.remove('bob')).rejects.toThrow('The store does not answer.')
  expect(await keys.byName('bob')).toBeNull()
  expect(await keys.byName('eve')).toBeNull()
  await stop()
})
