/** For tests of archives: stands in for the kernel, with programs of the node and secrets. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import type { DriverHost, ExecOptions, Process } from '../../server/devices/driver.ts'

type Host = Pick<DriverHost, 'device' | 'system' | 'folder' | 'settings' | 'node' | 'secrets' | 'volume' | 'log'>

export interface TestHost extends Host {
  /** Everything that was started, as a process list would show it. */
  readonly started: string[]
  readonly kept: Map<string, string>
}

export async function hostFor(folder: string, settings: Host['settings']): Promise<TestHost> {
  const started: string[] = []
  const kept = new Map<string, string>()
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const unused = async (): Promise<never> => {
    throw new Error('an archive does not need this')
  }
  return {
    ...{ device: 'archive', system: `test${process.pid}`, folder, settings },
    log: { info: () => {}, warn: () => {}, error: () => {} },
    started,
    kept,
    node: {
      exec: async (options) => {
        started.push(options.command.join(' '))
        return run(options)
      },
      packages: unused,
      serve: unused,
      stop: unused,
    },
    secrets: {
      get: async (name) => kept.get(name) ?? null,
      set: async (name, value) => void (value === null ? kept.delete(name) : kept.set(name, value)),
    },
    volume: { open: unused },
  }
}

function run({ command: [program = '', ...words], signal }: ExecOptions): Process {
  const child = spawn(program, words, signal ? { signal } : {})
  child.on('error', () => {})
  let stderr = ''
  child.stderr.on('data', (bytes) => (stderr += bytes))
  const ended = once(child, 'close').then(([code]) => ({ code: Number(code ?? 255), stderr }))
  ended.catch(() => {})
  return { stdin: child.stdin, stdout: child.stdout, ended }
}
