/** Live state in Redis. Whatever happens to Redis, callers get an answer at once: what is there, or nothing. */
import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { KeptLine, Live, LiveApp } from './live.ts'

export interface LiveOptions {
  /** Unix socket of Redis. */
  readonly socket: string
  readonly log: Log
}

const appsKey = 'megapolos:apps'
const logKey = (app: string) => `megapolos:log:${app}`
const wakeChannel = 'megapolos:wake'
const keptLines = 1_000
/** How ioredis says that `commandTimeout` is over; the error has no code. */
const timedOut = 'Command timed out'

export function openLive({ socket, log }: LiveOptions): Live {
  const self = randomUUID()
  const watchers = new Set<(topic: string) => void>()
  /** What this kernel mirrored: Redis gets it again when it comes back empty. */
  const mirrored = new Map<string, string>()
  let client: Redis | null = null
  let subscriber: Redis | null = null
  let closed = false
  let hung = false

  const tell = (topic: string) => {
    for (const onWake of watchers) {
      try {
        onWake(topic)
      } catch (error) {
        log.error('live.watcher', error, { topic })
      }
    }
  }
  const ready = async () => {
    if (mirrored.size > 0) await attempt((redis) => redis.hset(appsKey, mirrored), null)
    tell('*')
  }
  /** A Redis that hangs keeps its connection open: it counts as away until it answers, so that no call waits anew. */
  const outwait = async (redis: Redis) => {
    hung = true
    while (!closed && redis.status === 'ready') {
      const answered = await redis.ping().then(
        () => true,
        () => false,
      )
      if (answered) break
    }
    hung = false
    if (redis.status === 'ready') await ready()
  }
  /** Never waits for a Redis that is away, and never throws. */
  const attempt = async <T>(action: (redis: Redis) => Promise<T>, otherwise: T): Promise<T> => {
    const redis = client
    if (redis?.status !== 'ready' || hung) return otherwise
    return action(redis).catch((error) => {
      log.warn('live.lost', { cause: messageOf(error) })
      if (messageOf(error) === timedOut && !hung) void outwait(redis)
      return otherwise
    })
  }

  // The library costs some 100 ms to load, and nothing waits for it.
  const connecting = connect(socket, log, ready, () => tell('*')).then((pair) => {
    if (closed) return pair.end()
    client = pair.client
    subscriber = pair.subscriber
    subscriber.on('message', (_channel, message) => {
      const [from, topic = ''] = message.split(' ', 2)
      if (from !== self) tell(topic)
    })
  })

  return {
    available: () => client?.status === 'ready' && !hung,
    async setApp(app, state) {
      const text = JSON.stringify(state)
      mirrored.set(app, text)
      await attempt((redis) => redis.hset(appsKey, app, text), 0)
    },
    async apps() {
      const states = await attempt((redis) => redis.hgetall(appsKey), Object.fromEntries(mirrored))
      return Object.fromEntries(Object.entries(states).map(([app, text]) => [app, JSON.parse(text) as LiveApp]))
    },
    async forget(app) {
      mirrored.delete(app)
      await attempt((redis) => redis.multi().hdel(appsKey, app).del(logKey(app)).exec(), null)
    },
    async keepLog(app, lines) {
      if (lines.length === 0) return
      const texts = lines.slice(-keptLines).map((line) => JSON.stringify(line))
      await attempt(
        (redis) =>
          redis
            .multi()
            .rpush(logKey(app), ...texts)
            .ltrim(logKey(app), -keptLines, -1)
            .exec(),
        null,
      )
    },
    async keptLog(app, limit) {
      if (limit <= 0) return []
      const texts = await attempt((redis) => redis.lrange(logKey(app), -limit, -1), [])
      return texts.map((text) => JSON.parse(text) as KeptLine)
    },
    wake(topic) {
      tell(topic)
      void attempt((redis) => redis.publish(wakeChannel, `${self} ${topic}`), 0)
    },
    watch(onWake) {
      // One call for each watch, even if the same function watches twice.
      const watcher = (topic: string) => onWake(topic)
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    async close() {
      closed = true
      await connecting
      client?.disconnect()
      subscriber?.disconnect()
    },
  }
}

interface Pair {
  readonly client: Redis
  readonly subscriber: Redis
  end(): void
}

async function connect(socket: string, log: Log, onReady: () => void, onListening: () => void): Promise<Pair> {
  const { Redis } = await import('ioredis')
  const options = {
    path: socket,
    // Commands fail while Redis is away, instead of piling up until it is back.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    commandTimeout: 2_000,
    retryStrategy: (attempts: number) => Math.min(50 * 2 ** Math.min(attempts, 10), 5_000),
  }
  const client = new Redis(options)
  const subscriber = new Redis(options)
  sayOnce(client, log)
  subscriber.on('error', () => {})
  // A new connection has no subscriptions, and may have missed wake-ups.
  subscriber.on('ready', () => subscriber.subscribe(wakeChannel).then(onListening, () => {}))
  client.on('ready', onReady)
  return {
    client,
    subscriber,
    end() {
      client.disconnect()
      subscriber.disconnect()
    },
  }
}

/** One line when Redis goes and one when it is back, not one for every attempt. */
function sayOnce(client: Redis, log: Log): void {
  let [away, cause] = [false, 'the connection was closed']
  client.on('error', (error) => {
    cause = messageOf(error)
  })
  client.on('reconnecting', () => {
    if (!away) log.warn('live.away', { cause })
    away = true
  })
  client.on('ready', () => {
    if (away) log.info('live.back')
    away = false
  })
}
