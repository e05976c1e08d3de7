/** The log of an app: what its containers print, and what those that are gone had printed. */
import type { App } from '../domain/app.ts'
import { type ObservedContainer, placeName } from '../domain/container.ts'
import type { Engine } from '../engine/engine.ts'
import type { KeptLine, Live } from './live.ts'

export interface AppLogs {
  /** In time order, the newest `num`; with `follow` it goes on, containers of later rollouts included, until `signal` aborts. */
  read(app: Pick<App, 'id'>, options: ReadOptions): AsyncIterable<KeptLine>
}

export interface ReadOptions {
  readonly num: number
  /** `web` or `web.1`; null for all. */
  readonly process: string | null
  readonly follow: boolean
  readonly signal: AbortSignal
}

type LogEngine = Pick<Engine, 'list' | 'logs'>

export function createAppLogs(engine: LogEngine, live: Pick<Live, 'keptLog' | 'watch'>): AppLogs {
  return {
    async *read(app, options) {
      const containers = (await engine.list(app.id)).filter((container) =>
        wanted(container.process, placeName(container), options.process),
      )
      const [gone, ...present] = await Promise.all([
        live.keptLog(app.id, options.num),
        ...containers.map((container) => tail(engine, container, options.num, mostText / containers.length)),
      ])
      const past = gone.filter(({ process }) => wanted(process.replace(/\.\d+$/, ''), process, options.process))
      yield* [...past, ...present.flat()].sort(byTime).slice(-options.num)
      const shown = containers.map((container, n) => ({ container, last: present[n]?.at(-1)?.at ?? '' }))
      if (options.follow) yield* follow(engine, live, app.id, options, shown)
    },
  }
}

function byTime(a: KeptLine, b: KeptLine): number {
  return a.at < b.at ? -1 : Number(a.at > b.at)
}

function wanted(process: string, place: string, filter: string | null): boolean {
  return filter === null || filter === process || filter === place
}

function kept(container: ObservedContainer, line: { at: string; text: string }): KeptLine {
  return { at: line.at, process: placeName(container), release: container.release, text: line.text }
}

/** Characters of all lines together, the newest: an app that prints a lot must not fill the kernel's memory. */
const mostText = 16 * 1024 * 1024

async function tail(engine: LogEngine, container: ObservedContainer, num: number, room: number): Promise<KeptLine[]> {
  const lines: KeptLine[] = []
  let first = 0
  let size = 0
  for await (const line of engine.logs(container.id, { tail: num })) {
    lines.push(kept(container, line))
    size += line.text.length
    for (; size > room; first++) size -= lines[first]?.text.length ?? size
    if (first < 1000) continue
    lines.splice(0, first)
    first = 0
  }
  return lines.slice(first)
}

/** One reader a container; a wake-up of the app looks whether new containers came. */
async function* follow(
  engine: LogEngine,
  live: Pick<Live, 'watch'>,
  app: string,
  options: ReadOptions,
  shown: readonly { readonly container: ObservedContainer; readonly last: string }[],
): AsyncIterable<KeptLine> {
  const queue: KeptLine[] = []
  let wake = () => {}
  const followed = new Set<string>()

  /** Begins before the last line that was shown, so that none is lost in between. */
  const read = async (container: ObservedContainer, tail: number | 'all', after = '') => {
    followed.add(container.id)
    for await (const line of engine.logs(container.id, { tail, follow: true, signal: options.signal })) {
      if (line.at <= after) continue
      queue.push(kept(container, line))
      wake()
    }
  }
  const look = async () => {
    for (const container of await engine.list(app)) {
      if (!followed.has(container.id) && wanted(container.process, placeName(container), options.process))
        void read(container, 'all').catch(() => {})
    }
  }

  for (const { container, last } of shown) void read(container, options.num, last).catch(() => {})
  const unwatch = live.watch((topic) => {
    if (topic === `app:${app}` || topic === '*') void look().catch(() => {})
  })
  options.signal.addEventListener('abort', () => wake(), { once: true })
  try {
    while (!options.signal.aborted) {
      const line = queue.shift()
      if (line) yield line
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    unwatch()
  }
}
