/** Processes of the test machine, found by what they are. */
import { readdir, readFile } from 'node:fs/promises'

export interface Process {
  readonly pid: number
  readonly words: readonly string[]
}

/** Those whose words are `wanted`. */
export async function processes(wanted: (words: readonly string[]) => boolean): Promise<Process[]> {
  const numbers = (await readdir('/proc')).map(Number).filter(Number.isInteger)
  const all = await Promise.all(numbers.map(async (pid) => ({ pid, words: await wordsOf(pid) })))
  return all.filter(({ words }) => words.length > 0 && wanted(words))
}

/** It and all that it started, and they did. */
export async function family(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => [])
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  )
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number))
  return [pid, ...(await Promise.all(children.map(family))).flat()]
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It is gone.
  }
}

/** Halts them until what it returns is called. */
export function freeze(pids: readonly number[]): () => void {
  for (const pid of pids) signal(pid, 'SIGSTOP')
  return () => {
    for (const pid of pids) signal(pid, 'SIGCONT')
  }
}

/** One that its parent has not looked after yet is as good as gone. */
export async function lives(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => ') X ')
  return !/\) [ZX] /.test(stat)
}

/** True when a signal reaches a handler instead of ending it: a process of test/apps/held has one while it is held. */
export async function handles(pid: number, number: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'
  return ((BigInt(`0x${caught}`) >> BigInt(number - 1)) & 1n) === 1n
}

async function wordsOf(pid: number): Promise<string[]> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return line.split('\0').slice(0, -1)
}
