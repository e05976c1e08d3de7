/** The store: does it answer, and how quickly. */
import { check } from '../check.ts'

export interface Answer {
  readonly kind: 'rqlite' | 'sqlite'
  /** Milliseconds, or null when there was no answer. */
  readonly took: number | null
}

/** Milliseconds. It reads a page from memory. */
const slow = 1_000
const patience = 3_000

export const store = check<Answer>({
  name: 'store',
  about: 'The store',
  remedy: (commands) => commands.restart('rqlite'),
  async probe({ config, store }) {
    const began = performance.now()
    const answered = await store.ping(patience).then(
      () => true,
      () => false,
    )
    return { kind: config.store, took: answered ? performance.now() - began : null }
  },
  judge: ({ kind, took }, commands) => {
    // SQLite is no server: a file that cannot be read is the disk's trouble.
    const fix = kind === 'rqlite' ? commands.restart('rqlite') : commands.restart('kernel')
    if (took === null)
      return [
        {
          severity: 'error',
          problem: `The store (${kind}) did not answer within ${patience / 1000} s: apps go on, but nothing can be changed.`,
          fix,
        },
      ]
    if (took < slow) return []
    const problem = `The store (${kind}) took ${(took / 1000).toFixed(1)} s to answer a question that takes 1 ms.`
    return [{ severity: 'warning', problem, fix }]
  },
})
