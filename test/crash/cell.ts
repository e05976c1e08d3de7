/** One push that is disturbed: an app of its own, under load, from the version before to the one that is pushed. */
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { InSystem } from '../in-system.ts'
import { type Load, startLoad } from '../load.ts'
import type { Started } from '../person.ts'
import { quickly } from '../quickly.ts'
import { commit, example, push } from '../repository.ts'
import { handles, processes, signal } from './processes.ts'
import type { Step } from './steps.ts'

export interface Cell {
  readonly at: InSystem
  readonly app: string
  /** Of the app: names its repository and labels its containers. */
  readonly id: string
  readonly host: string
  /** What the two versions answer; each is the last word of its processes too. */
  readonly before: string
  readonly after: string
  readonly commit: string
  readonly load: Load
  readonly pushing: Started
  /** A request that the version before answers when it is let go; only where the step is `drain`. */
  readonly long: Started | null
}

export async function beginCell(at: InSystem, app: string, { held, bulky }: Step): Promise<Cell> {
  const [before, after, host] = [`${app}-one`, `${app}-two`, `${app}.localhost`]
  const { person, system } = at
  const where = (version: 'before' | 'after') => (held?.version === version ? held.at : 'no step')
  await example(person, 'held', app)
  await become(at, 'version-one', before, 'no step', where('before'))
  await commit(person, 'Become version one')
  await push(person)
  const { id } = JSON.parse(await system.console('apps:info', app, '--format', 'json'))
  await become(at, before, after, where('before'), where('after'))
  if (bulky) await quickly('dd', 'if=/dev/urandom', `of=${person.folder}/bulk`, 'bs=1M', `count=${bulkSize}`)
  await commit(person, 'Become version two')
  const load = startLoad({ port: system.httpPort, host, connections: 4, rest: 20 })
  const long = held?.at === 'drain' ? person.start(['curl', `http://${host}/long`]) : null
  if (long) await until('the long request has come', () => logsHave(id, 'held at drain'))
  return {
    ...{ at, app, id, host, before, after, load, long },
    commit: await person.must('git', 'rev-parse', 'HEAD'),
    pushing: person.start(['git', 'push', 'megapolos', 'main']),
  }
}

/** MiB: enough to be caught on their way. */
const bulkSize = 32

/** Lets every process of this version go on, now and whenever another one is held, until it is told to stop. */
export function letGo(version: string): () => Promise<void> {
  let going = true
  // Once each: one that was let go may be ending, and its handler gone.
  const told = new Set<number>()
  const loop = (async () => {
    while (going) {
      for (const { pid } of await running(version)) {
        if (told.has(pid) || !(await handles(pid, usr2))) continue
        told.add(pid)
        signal(pid, 'SIGUSR2')
      }
      await pause(50)
    }
  })()
  return () => {
    going = false
    return loop
  }
}

const usr2 = 12

export const running = (version: string) =>
  processes((words) => (words[0] ?? '').endsWith('node') && words.at(-1) === version)

/** True when a container of the app has said it. */
export async function logsHave(id: string, text: string): Promise<boolean> {
  const containers = await quickly('docker', 'ps', '--quiet', '--filter', `label=megapolos.app=${id}`)
  for (const container of containers.split('\n').filter(Boolean)) {
    if ((await quickly('docker', 'logs', container).catch(() => '')).includes(text)) return true
  }
  return false
}

export async function until(what: string, holds: () => Promise<boolean> | boolean, seconds = 30): Promise<void> {
  const deadline = performance.now() + seconds * 1000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not so within ${seconds} s: ${what}`)
    await pause(5)
  }
}

async function become(at: InSystem, from: string, to: string, heldBefore: string, heldNow: string): Promise<void> {
  for (const file of ['package.json', 'Procfile', 'hold.js']) {
    const path = resolve(at.person.folder, file)
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replaceAll(from, to).replace(`'${heldBefore}'`, `'${heldNow}'`))
  }
}
