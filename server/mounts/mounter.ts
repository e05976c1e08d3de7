/**
 * Mounts volumes where running containers see them. The work is done by mounter.pl, one small process that lives as long
 * as the kernel: Node has no system calls, and every Debian has perl. It is asked over a pipe, an order at a time.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { getSystemErrorMessage } from 'node:util'
import { UserError } from '../errors.ts'

export interface Mount {
  /** One plain component: a folder of this name appears in the folder of the containers. */
  readonly name: string
  /** Full path of the directory that is seen there. */
  readonly source: string
  readonly readOnly: boolean
}

export interface Mounter {
  /** Safe to repeat. Throws `conflict` when something else is mounted there, `unavailable` when the source is not a directory. */
  attach(folder: string, mount: Mount): Promise<void>
  /** Throws `conflict` while somebody uses it, unless `lazy`. Not an error when nothing is mounted there. */
  detach(folder: string, name: string, lazy: boolean): Promise<void>
  /** Names under which something is mounted directly in the folder. */
  mounted(folder: string): Promise<string[]>
  /** Takes everything out of a folder, used or not. Not an error when the folder is gone. */
  clear(folder: string): Promise<void>
  close(): void
}

/** The order's words, as mounter.pl reads them. */
export function attachOrder(folder: string, { name, source, readOnly }: Mount): readonly string[] {
  return ['attach', folder, name, readOnly ? 'ro' : 'rw', source]
}

export const mounterProgram = join(import.meta.dirname, 'mounter.pl')

/** An order takes well under a millisecond, unless a disk of the network hangs. */
const patience = 10_000

export function createMounter(): Mounter {
  let worker: Worker | null = null

  function asked(words: readonly string[]): Promise<string> {
    worker = worker?.alive() ? worker : startWorker()
    return worker.ask(words.join('\t'))
  }

  async function order(...words: readonly string[]): Promise<void> {
    if (words.some((word) => /[\t\n\0]/.test(word))) throw new Refusal(errno.invalid, 'order')
    // Orders may be repeated, so one that a killed mounter did not answer is given to the next.
    const answer = await asked(words).catch((error) => (error instanceof Ended ? asked(words) : Promise.reject(error)))
    if (answer === 'ok') return
    const [, number, where = ''] = answer.split('\t')
    throw new Refusal(Number(number), where)
  }

  return {
    async attach(folder, mount) {
      await order(...attachOrder(folder, mount)).catch((error) => {
        throw notAttached(error, mount)
      })
    },
    async detach(folder, name, lazy) {
      await order('detach', folder, name, lazy ? 'lazy' : 'whole').catch((error) => {
        if (isRefusal(error, errno.busy))
          throw new UserError('conflict', `${name} is in use: a process has a file of it open, or works in it.`)
        if (!isRefusal(error, errno.missing)) throw error
      })
    },
    async mounted(folder) {
      const points = (await readFile('/proc/self/mountinfo', 'utf8'))
        .split('\n')
        .map((line) => line.split(' ')[4] ?? '')
      return [...new Set(points.filter((point) => dirname(point) === folder).map((point) => basename(point)))]
    },
    async clear(folder) {
      await order('clear', folder).catch((error) => {
        if (!isRefusal(error, errno.missing)) throw error
      })
    },
    close: () => worker?.close(),
  }
}

/** Of Linux, the same on every architecture. */
const errno = { missing: 2, busy: 16, exists: 17, notFolder: 20, invalid: 22, link: 40, notImplemented: 38 }

class Refusal extends Error {
  readonly number: number
  readonly where: string

  constructor(number: number, where: string) {
    super(`mounting: ${getSystemErrorMessage(-number)} (${where})`)
    this.number = number
    this.where = where
  }
}

function isRefusal(error: unknown, number: number): boolean {
  return error instanceof Refusal && error.number === number
}

function notAttached(error: unknown, { name, source }: Mount): unknown {
  if (!(error instanceof Refusal)) return error
  const { number, where } = error
  if (number === errno.exists) return new UserError('conflict', `Something else is mounted as ${name}.`)
  if (number === errno.notImplemented)
    return new UserError('unavailable', 'This Linux is too old to attach volumes.', 'It needs version 5.12 or later.')
  if (where !== 'source') return error
  if (number === errno.link) return new UserError('unavailable', `On the way to ${source} there is a symbolic link.`)
  const missing = number === errno.missing || number === errno.notFolder
  return missing ? new UserError('unavailable', `${source} is not a directory of this server any more.`) : error
}

class Ended extends Error {}

interface Worker {
  alive(): boolean
  /** Answers come in the order of the questions. */
  ask(line: string): Promise<string>
  close(): void
}

function startWorker(): Worker {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn('perl', [mounterProgram], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: '/usr/bin:/bin' },
  })
  const waiting: { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void }[] = []
  let said = ''
  let ended = false
  const end = (error: Error) => {
    ended = true
    for (const { reject } of waiting.splice(0)) reject(error)
  }
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(line))
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(-1000)
  })
  child.stdin.on('error', () => {})
  child.on('error', end).on('close', () => end(new Ended(`the mounter has ended: ${said.trim()}`)))
  // It must not keep the kernel from ending.
  child.unref()

  return {
    alive: () => !ended,
    async ask(line) {
      const answer = new Promise<string>((resolve, reject) => waiting.push({ resolve, reject }))
      const late = setTimeout(() => {
        child.kill('SIGKILL')
        end(new UserError('unavailable', 'A disk does not answer: mounting takes longer than 10 s.'))
      }, patience)
      child.stdin.write(`${line}\n`)
      return answer.finally(() => clearTimeout(late))
    },
    close: () => child.kill('SIGKILL'),
  }
}
