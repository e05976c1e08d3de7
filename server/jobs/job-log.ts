/** The log of one job: a file that grows while the job runs and is read by any number of followers. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import type { Log } from '../log.ts'

export interface JobLog {
  append(line: string): void
  /** Wakes every follower for the last time. */
  end(): void
  /** Resolves at the next line, at the end, or when `signal` aborts. */
  change(signal?: AbortSignal): Promise<void>
  ended(): boolean
}

const limit = 10 * 1024 * 1024
const cut = Buffer.from('The rest of the output is not kept: it is longer than 10 MB.\n')

export function logPath(folder: string, id: number): string {
  return join(folder, 'jobs', `${id}.log`)
}

/**
 * Lines are written synchronously, so that the file is the only buffer: what a follower has not read yet waits there,
 * however slow it is. A disk that is full costs lines, never the job.
 */
export function openJobLog(path: string, log: Log): JobLog {
  let file = attempt(log, () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    return openSync(path, 'a', 0o600)
  })
  let size = 0
  let ended = false
  let changed = Promise.withResolvers<void>()

  const signalChange = () => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  const stopWriting = () => {
    if (file !== null) closeSync(file)
    file = null
  }

  return {
    append(line) {
      if (file === null) return
      const bytes = Buffer.from(`${line}\n`)
      const fits = size + bytes.length <= limit
      const descriptor = file
      size += bytes.length
      const written = attempt(log, () => writeSync(descriptor, fits ? bytes : cut))
      if (!fits || written === null) stopWriting()
      signalChange()
    },
    end() {
      stopWriting()
      ended = true
      signalChange()
    },
    async change(signal) {
      if (signal?.aborted) return
      const aborted = Promise.withResolvers<void>()
      const abort = () => aborted.resolve()
      signal?.addEventListener('abort', abort)
      await Promise.race([changed.promise, aborted.promise])
      signal?.removeEventListener('abort', abort)
    },
    ended: () => ended,
  }
}

/** The whole lines of the file so far, then, as long as `live` has not ended, those that follow. */
export async function* readJobLog(path: string, live: JobLog | null, signal?: AbortSignal): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let file: FileHandle | null = null
  let rest = ''
  try {
    for (;;) {
      // Asked for before the file is read: a line that is written in between is not waited for in vain.
      const change = live?.ended() === false ? live.change(signal) : null
      file ??= await open(path).catch(() => null)
      for await (const bytes of chunks(file)) {
        const lines = (rest + decoder.write(bytes)).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) {
          if (signal?.aborted) return
          yield line
        }
      }
      if (!change || signal?.aborted) break
      await change
    }
    if (rest) yield rest
  } finally {
    await file?.close()
  }
}

async function* chunks(file: FileHandle | null): AsyncGenerator<Buffer> {
  if (!file) return
  for (;;) {
    const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(64 * 1024) })
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

function attempt<T>(log: Log, action: () => T): T | null {
  try {
    return action()
  } catch (error) {
    log.error('job.log', error)
    return null
  }
}
