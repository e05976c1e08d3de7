/** One running driver: JSON-RPC 2.0 over its standard input and output, until it ends. Nothing waits for one that is gone. */
import { setTimeout as delay } from 'node:timers/promises'
import type { MessageConnection } from 'vscode-jsonrpc/node'
import type { Session } from '../../engine/engine.ts'
import { type Code, messageOf, told, UserError } from '../../errors.ts'
import { guardFrames } from './frames.ts'
import { createHandles, type Handles } from './handles.ts'
import type { HostCalls } from './host-calls.ts'

export interface CallOptions {
  readonly seconds: number
  readonly signal?: AbortSignal
}

export interface DriverProcess {
  readonly handles: Handles
  /** Functions among the arguments become numbers of a progress. Throws `unavailable` when the driver ends or is late. */
  call(method: string, params: readonly unknown[], options: CallOptions): Promise<unknown>
  /** Resolves with the sentence that says why, once it has ended. */
  readonly ended: Promise<string>
  end(why: string): void
}

/** Calls of the kernel that a driver may wait for at a time. */
const mostAsked = 64
/** Milliseconds in which one that was told to stop a call has to answer, before it is ended. */
const grace = 5_000
const longestLine = 500

export async function openProcess(
  name: string,
  { stdin, stdout, stderr, exit, kill }: Session,
  answers: (handles: Handles, tell: (progress: number, line: string) => void) => HostCalls,
): Promise<DriverProcess> {
  const rpc = await import('vscode-jsonrpc/node')
  const handles = createHandles()
  const { promise: ended, resolve: setEnded } = Promise.withResolvers<string>()
  const progresses = new Map<number, (line: string) => void>()
  const waiting = new Set<(error: Error) => void>()
  const said = lastWords(stderr)
  let isOver = false
  let asked = 0
  let lastProgress = 0

  const incoming = guardFrames()
  const connection: MessageConnection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(stdout.pipe(incoming)),
    new rpc.StreamMessageWriter(stdin),
  )

  const end = (why: string) => {
    if (isOver) return
    isOver = true
    const error = new UserError('unavailable', `The driver ${name} ended: ${why}.`, undefined, said())
    for (const fail of waiting) fail(error)
    handles.dispose()
    stdout.unpipe(incoming)
    stdout.resume()
    connection.dispose()
    void kill().catch(() => {})
    setEnded(why)
  }

  stdin.on('error', () => {})
  incoming.on('error', (error) => end(messageOf(error)))
  connection.onError(([error]) => end(messageOf(error)))
  connection.onClose(() => end('it closed its standard output'))
  exit.then(
    (code) => end(`it ended with exit code ${code}`),
    (error) => end(messageOf(error)),
  )

  const tell = (progress: number, text: string) => progresses.get(progress)?.(text.slice(0, longestLine))
  const answer = answers(handles, tell)
  connection.onRequest(async (method, params) => {
    if (asked >= mostAsked) return refusal(new UserError('conflict', `More than ${mostAsked} calls at once.`))
    asked += 1
    try {
      return await answer(method, params)
    } catch (error) {
      return refusal(error)
    } finally {
      asked -= 1
    }
  })
  connection.onNotification((method, params) => {
    const [progress, text] = Array.isArray(params) ? params : []
    if (method === 'progress' && typeof text === 'string') tell(Number(progress), text)
  })
  connection.listen()

  function refusal(error: unknown) {
    const { code, message, hint } = told(error)
    return new rpc.ResponseError(-32_000, message, { code, ...(hint && { hint }) })
  }

  return {
    handles,
    ended,
    end,
    async call(method, params, { seconds, signal }) {
      if (isOver) throw new UserError('unavailable', `The driver ${name} has ended.`)
      const cancelled = new UserError('cancelled', `${method} was cancelled.`)
      if (signal?.aborted) throw cancelled
      const source = new rpc.CancellationTokenSource()
      const { promise: failed, reject } = Promise.withResolvers<never>()
      failed.catch(() => {})
      waiting.add(reject)
      let isAnswered = false
      /** Asked to stop; one that does not even answer that is of no more use to anyone. */
      const stop = async (error: UserError) => {
        source.cancel()
        reject(error)
        await delay(grace, undefined, { ref: false })
        if (!isAnswered) end(`it did not stop ${method} when it was told to`)
      }
      const late = new UserError('unavailable', `The driver ${name} gave no answer to ${method} in ${seconds} s.`)
      const timer = setTimeout(() => void stop(late), seconds * 1000)
      const abort = () => void stop(cancelled)
      signal?.addEventListener('abort', abort, { once: true })
      const numbered: number[] = []
      const words = params.map((param) => {
        if (typeof param !== 'function') return param ?? null
        lastProgress += 1
        numbered.push(lastProgress)
        progresses.set(lastProgress, param as (line: string) => void)
        return { progress: lastProgress }
      })
      const request = connection
        .sendRequest(method, rpc.ParameterStructures.byPosition, ...words, source.token)
        .finally(() => (isAnswered = true))
      try {
        return await Promise.race([request, failed])
      } catch (error) {
        throw error instanceof UserError ? error : understood(name, method, error)
      } finally {
        request.catch(() => {})
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        waiting.delete(reject)
        for (const number of numbered) progresses.delete(number)
      }
    },
  }
}

/** What a driver may say of itself; nothing that is the kernel's to say. */
const sayable: readonly Code[] = ['refused', 'unavailable', 'not-found', 'conflict', 'cancelled', 'usage']

function understood(name: string, method: string, error: unknown): UserError {
  const { message, data, code: number } = error as { message?: string; code?: number; data?: Said }
  const code = sayable.find((one) => one === data?.code)
  const hint = typeof data?.hint === 'string' ? data.hint : undefined
  if (code) return new UserError(code, message ?? method, hint)
  return new UserError('unavailable', `The driver ${name} failed at ${method}: ${message} (${number})`)
}

type Said = { readonly code?: unknown; readonly hint?: unknown }

/** The last lines of standard error: a driver that crashes says there why. */
function lastWords(stderr: NodeJS.ReadableStream): () => string[] {
  let tail = ''
  stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-4096)
  })
  stderr.on('error', () => {})
  return () =>
    tail
      .trimEnd()
      .split('\n')
      .slice(-10)
      .filter((text) => text !== '')
}
