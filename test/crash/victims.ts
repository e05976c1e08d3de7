/** Whom a push needs, and how each is killed; all but those of the pusher are brought back by whoever supervises them. */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { quickly } from '../quickly.ts'
import { type Cell, until } from './cell.ts'
import { family, lives, processes, signal } from './processes.ts'

export interface Victim {
  readonly name: string
  /** Why it must be left alone on this machine; null when it may be killed. */
  spared?(): Promise<string | null>
  kill(cell: Cell): Promise<void>
  isBack(cell: Cell): Promise<void>
}

export const victims: readonly Victim[] = [
  server('kernel', async ({ at }) => answers(at.system.console('server:version'))),
  docker(),
  server('proxy', async (cell) => (await cell.at.get(cell.host)).startsWith(cell.app)),
  server('redis', async ({ at }) => /Redis: +answers/.test(await at.system.console('server:version'))),
  server('rqlite', async ({ at }) => answers(at.system.console('apps:list'))),
  pusher('hook', async (cell) => {
    const hooks = await processes((words) => words.some((word) => word.endsWith('hooks/pre-receive')))
    const homes = await Promise.all(hooks.map(({ pid }) => readlink(`/proc/${pid}/cwd`).catch(() => '')))
    return hooks.map(({ pid }) => pid).filter((_, n) => homes[n]?.includes(cell.id))
  }),
  pusher('git', async (cell) => {
    const packs = await processes((words) => /receive-pack$/.test(words[0] ?? '') && words.join(' ').includes(cell.id))
    return packs.map(({ pid }) => pid)
  }),
  pusher('client', (cell) => family(cell.pushing.pid)),
]

function server(name: string, works: (cell: Cell) => Promise<boolean>): Victim {
  let before = 0
  return {
    name,
    async kill({ at }) {
      before = await at.system.pid(name)
      for (const pid of name === 'proxy' ? await family(before) : [before]) signal(pid, 'SIGKILL')
    },
    async isBack(cell) {
      await until(`${name} is back`, async () => {
        const now = await cell.at.system.pid(name).catch(() => before)
        return now !== before && (await works(cell).catch(() => false))
      })
    },
  }
}

/** Only the one that an installation of ours supervises: anybody else's has other people's containers. */
function docker(): Victim {
  let before = 0
  return {
    name: 'dockerd',
    async spared() {
      if ((await supervisedDocker()) === null) return 'not started by install.sh'
      const kept = await quickly('docker', 'info', '--format', '{{.LiveRestoreEnabled}}')
      return kept.trim() === 'true' ? null : 'without live-restore'
    },
    async kill() {
      before = (await supervisedDocker()) ?? 0
      if (before > 0) signal(before, 'SIGKILL')
    },
    isBack: () =>
      until('dockerd is back', async () => {
        const now = await supervisedDocker()
        return now !== null && now !== before && answers(quickly('docker', 'version'))
      }),
  }
}

async function supervisedDocker(): Promise<number | null> {
  for (const home of await readdir('/var/lib')) {
    const text = await readFile(join('/var/lib', home, 'run/docker.pid'), 'utf8').catch(() => '')
    const pid = Number(text.split(' ')[0])
    const words = pid > 0 ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') : ''
    if (words.split('\0')[0]?.endsWith('dockerd')) return pid
  }
  return null
}

function pusher(name: string, find: (cell: Cell) => Promise<number[]>): Victim {
  let killed: number[] = []
  return {
    name,
    async kill(cell) {
      killed = await find(cell)
      if (killed.length === 0) throw new Error(`there is no ${name} at this step`)
      for (const pid of killed) signal(pid, 'SIGKILL')
    },
    isBack: () => until(`${name} is gone`, async () => !(await Promise.all(killed.map(lives))).includes(true)),
  }
}

function answers(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => true,
    () => false,
  )
}
