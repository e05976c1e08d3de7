/** One at a time for each key, in the order of asking. */
export type Locks = <T>(key: string, work: () => Promise<T>) => Promise<T>

export function createLocks(): Locks {
  const last = new Map<string, Promise<void>>()
  return (key, work) => {
    const result = (last.get(key) ?? Promise.resolve()).then(work)
    const settled = result.then(
      () => {},
      () => {},
    )
    last.set(key, settled)
    settled.then(() => {
      if (last.get(key) === settled) last.delete(key)
    })
    return result
  }
}

/** Runs `work` for every item, at most `limit` at the same time; results in the order of the items. */
export function inParallel<T, R>(limit: number, items: readonly T[], work: (item: T) => Promise<R>): Promise<R>[] {
  const lanes: Promise<unknown>[] = []
  return items.map((item, index) => {
    const before = lanes[index % limit] ?? Promise.resolve()
    const result = before.then(() => work(item))
    lanes[index % limit] = result.catch(() => {})
    return result
  })
}

/** Both at the same time; when one fails, the other is over too before anybody hears of it. */
export async function together<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b])
  return Promise.all([a, b])
}
