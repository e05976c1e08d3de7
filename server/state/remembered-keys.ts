/** Keys in memory: while the store is away people can still come in, and be told what is missing. */
import type { Key } from '../domain/access.ts'
import type { Keys } from './store.ts'

/**
 * This kernel is the only one that changes keys, so what it remembers is what the store holds. `publish` tells sshd: at
 * once, and then at every change.
 */
export async function rememberedKeys(keys: Keys, publish: (known: readonly Key[]) => void): Promise<Keys> {
  let known: readonly Key[] = await keys.list()
  publish(known)
  return {
    list: () => keys.list(),
    byName: async (name) => known.find((key) => key.name === name) ?? null,
    async add(key) {
      const added = await keys.add(key)
      try {
        publish([...known, added])
      } catch (error) {
        await keys.remove(key.name)
        throw error
      }
      known = [...known, added]
      return added
    },
    async remove(name) {
      // Forgotten first: a key that is being shut out opens nothing, however sshd's file and the store do.
      known = known.filter((key) => key.name !== name)
      publish(known)
      return keys.remove(name)
    },
  }
}
