/** The interface of a class, spoken to a process that is started when it is first needed and again when it was lost. */
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { Manifest, Privilege } from '../../domain/device.ts'
import { UserError } from '../../errors.ts'
import type { Dump } from '../classes/database.ts'
import { classCalls } from './class-calls.ts'
import type { DriverProcess } from './process.ts'

export interface RemoteParts {
  readonly manifest: Pick<Manifest, 'name' | 'class'>
  /** Throws when nobody approved it, or it does not start. */
  start(): Promise<{ readonly process: DriverProcess; readonly granted: readonly Privilege[] }>
  /** Told of each end that nobody wished. */
  lost(why: string): void
  now?(): number
}

export interface RemoteDriver {
  /** The calls of its class. */
  readonly calls: object
  /** Ends its process; the next call starts a new one. */
  stop(why: string): void
}

type Started = Awaited<ReturnType<RemoteParts['start']>>

/** Milliseconds until one that crashed is started again: half a second, doubled each time that it did nothing in between. */
const firstPause = 500
const longestPause = 60_000
/** Milliseconds after which one that nobody asks anything is ended. */
const idle = 5 * 60_000

export function remoteDriver({ manifest, start, lost, now = Date.now }: RemoteParts): RemoteDriver {
  const { name } = manifest
  const known = classCalls[manifest.class] ?? {}
  let running: Promise<Started> | null = null
  let crashes = 0
  let notBefore = 0
  let busy = 0
  let resting: NodeJS.Timeout | undefined

  function stop(why: string) {
    const ending = running
    running = null
    notBefore = 0
    ending?.then(
      ({ process }) => process.end(why),
      () => {},
    )
  }

  /** Keeps the process for as long as this goes on, and a while after it. */
  async function during<T>(work: Promise<T>): Promise<T> {
    clearTimeout(resting)
    busy += 1
    try {
      return await work
    } finally {
      busy -= 1
      if (busy === 0) resting = setTimeout(() => stop('it had nothing to do'), idle).unref()
    }
  }

  function process(): Promise<Started> {
    if (running) return running
    const wait = notBefore - now()
    if (wait > 0) {
      const seconds = Math.ceil(wait / 1000)
      const message = `The driver ${name} has ${crashes === 1 ? 'just crashed' : `crashed ${crashes} times in a row`}.`
      return Promise.reject(new UserError('unavailable', message, `It is started again in ${seconds} s.`))
    }
    const starting = start()
    running = starting
    starting.then(
      ({ process }) =>
        process.ended.then((why) => {
          if (running !== starting) return
          running = null
          crashed()
          lost(why)
        }),
      () => {
        if (running === starting) running = null
      },
    )
    return starting
  }

  function crashed() {
    notBefore = now() + Math.min(firstPause * 2 ** crashes, longestPause)
    crashes += 1
  }

  /** Streams among the arguments are lent for the time of the call. */
  async function call(started: Started, method: string, args: readonly unknown[]): Promise<unknown> {
    const { process } = started
    const call = known[method]
    if (!call) throw new Error(`the class ${manifest.class} has no call ${method}`)
    const signal = args.find((arg): arg is AbortSignal => arg instanceof AbortSignal)
    const lent = args.filter(isStream)
    const params = args
      .filter((arg) => !(arg instanceof AbortSignal))
      .map((arg) => (isStream(arg) ? process.handles.add(arg) : arg))
    try {
      const asked = process.call(method, params, { seconds: call.seconds, ...(signal && { signal }) })
      const said = await during(asked)
      const checked = call.result.safeParse(said ?? null)
      if (!checked.success) {
        const [issue] = checked.error.issues
        const where = issue?.path.join('.') || 'it'
        throw new UserError(
          'unavailable',
          `The driver ${name} answered ${method} with nonsense: ${where}: ${issue?.message}.`,
        )
      }
      crashes = 0
      return checked.data
    } catch (error) {
      // Whoever lent a stream that broke knows best why.
      throw lent.find((stream) => stream.errored)?.errored ?? error
    } finally {
      for (const stream of lent) process.handles.takeBack(stream)
    }
  }

  const plain =
    (method: string) =>
    async (...args: unknown[]) =>
      call(await process(), method, args)
  const special: Readonly<Record<string, Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>>>> = {
    database: {
      async dump(...args): Promise<Dump> {
        const started = await process()
        const { bytes: handle, token } = (await call(started, 'dump', args)) as { bytes: unknown; token: unknown }
        const bytes = started.process.handles.take(handle)
        const signal = args.find((arg): arg is AbortSignal => arg instanceof AbortSignal)
        signal?.addEventListener('abort', () => bytes.destroy(), { once: true })
        const read = finished(bytes, { writable: false })
        const contents = during(read).then(() =>
          call(
            started,
            'dumped',
            [token, signal].filter((one) => one !== undefined),
          ),
        )
        contents.catch(() => {})
        started.process.ended.then(() => bytes.destroy())
        return { bytes, contents: contents as Dump['contents'] }
      },
      async connect(...args) {
        const started = await process()
        const command = (await call(started, 'connect', args)) as { in: 'node' | 'container' }
        const needed = command.in === 'node' ? 'exec:node' : 'containers'
        if (started.granted.includes(needed)) return command
        throw new UserError(
          'forbidden',
          `The driver ${name} may not open a terminal there: it has no privilege ${needed}.`,
        )
      },
    },
    archive: {
      async get(...args) {
        const started = await process()
        return started.process.handles.take(await call(started, 'get', args))
      },
    },
  }

  const methods = Object.keys(known).filter((method) => method !== 'dumped')
  return {
    calls: Object.fromEntries(methods.map((method) => [method, special[manifest.class]?.[method] ?? plain(method)])),
    stop,
  }
}

function isStream(arg: unknown): arg is Readable {
  return typeof arg === 'object' && arg !== null && 'pipe' in arg
}
