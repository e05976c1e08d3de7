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
      const past = await Promise.all([
        live
          .keptLog(app.id, options.num)
          .then((lines) =>
            lines.filter((line) => wanted(line.process.replace(/\.\d+$/, ''), line.process, options.process)),
          ),
        ...containers.map((container) => tail(engine, container, options.num)),
      ])
      const lines = past
        .flat()
        .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
        .slice(-options.num)
      yield* lines
      if (options.follow) yield* follow(engine, live, app.id, options, containers)
    },
  }
}

function wanted(process: string, place: string, filter: string | null): boolean {
  return filter === null || filter === process || filter === place
}

function kept(container: ObservedContainer, line: { at: string; text: string }): KeptLine {
  return { at: line.at, process: placeName(container), release: container.release, text: line.text }
}

async function tail(engine: LogEngine, container: ObservedContainer, num: number): Promise<KeptLine[]> {
  const lines: KeptLine[] = []
  for await (const line of engine.logs(container.id, { tail: num })) lines.push(kept(container, line))
  return lines
}

/** One reader a container; a wake-up of the app looks whether new containers came. */
async function* follow(
  engine: LogEngine,
  live: Pick<Live, 'watch'>,
  app: string,
  options: ReadOptions,
  known: readonly ObservedContainer[],
): AsyncIterable<KeptLine> {
  const queue: KeptLine[] = []
  let wake = () => {}
  const followed = new Set<string>()

  const read = async (container: ObservedContainer, from: number | 'all') => {
    followed.add(container.id)
    for await (const line of engine.logs(container.id, { tail: from, follow: true, signal: options.signal })) {
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

  for (const container of known) void read(container, 0).catch(() => {})
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
