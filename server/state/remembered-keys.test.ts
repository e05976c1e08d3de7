import { expect, test } from 'vitest'
import { UserError } from '../errors.ts'
import { rememberedKeys } from './remembered-keys.ts'
import type { Keys } from './store.ts'
import { startStore } from './stores-for-test.ts'

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
    add: (key) => answering(() => store.keys.add(key)),
    remove: (name) => answering(() => store.keys.remove(name)),
  }
  const told: string[] = []
  const keys = await rememberedKeys(guarded, (known) => void told.push(known.map(({ name }) => name).join()))
  await keys.add({ ...ann, name: 'bob', fingerprint: 'SHA256:def' })
  away = true
  expect((await keys.byName('ann'))?.fingerprint).toBe('SHA256:abc')
  expect((await keys.byName('bob'))?.fingerprint).toBe('SHA256:def')
  await expect(keys.remove('bob')).rejects.toThrow('The store does not answer.')
  expect(await keys.byName('bob')).toBeNull()
  expect(await keys.byName('eve')).toBeNull()
  expect(told).toEqual(['ann', 'ann,bob', 'ann'])
  await stop()
})

test('a key that sshd could not be told of is not there', async () => {
  const { store, stop } = await startStore('sqlite')
  let full = false
  const keys = await rememberedKeys(store.keys, () => {
    if (full) throw new UserError('unavailable', 'The list of keys for sshd could not be written.')
  })
  full = true
  await expect(keys.add(ann)).rejects.toThrow('could not be written')
  expect([await keys.byName('ann'), await keys.list()]).toEqual([null, []])
  await stop()
})
