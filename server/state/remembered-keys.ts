/** Keys in memory: while the store is away people can still come in, and be told what is missing. */
import type { Keys } from './store.ts'

/** This kernel is the only one that changes keys, so what it remembers is what the store holds. */
export async function rememberedKeys(keys: Keys): Promise<Keys> {
  let known = await keys.list()
  return {
    list: () => keys.list(),
    byName: async (name) => known.find((key) => key.name === name) ?? null,
    byFingerprint: async (fingerprint) => known.find((key) => key.fingerprint === fingerprint) ?? null,
    async add(key) {
      const added = await keys.add(key)
      known = [...known, added]
      return added
    },
    async remove(name) {
      // Forgotten first: a key that is being shut out opens nothing, however the store answers.
      known = known.filter((key) => key.name !== name)
      return keys.remove(name)
    },
  }
}
