/** The driver with an nginx of its own, for tests: in new folders and on a free port. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createLog } from '../../server/log.ts'
import { freePort } from '../../test/free-port.ts'
import type { ProxyUnderTest } from '../conformance/proxy-under-test.ts'
import type { Paths } from './config.ts'
import { pathsOf } from './files.ts'
import { createDriver } from './index.ts'

/** Of this process alone: others on the machine may test at the same time. */
export const system = `nginx-test-${process.pid}`
const prefix = 'megapolos-nginx-test-'

export interface Nginx extends ProxyUnderTest {
  readonly paths: Paths
  /** Its master. */
  pid(): number
}

export async function makeNginx(): Promise<Nginx> {
  await removeLeftOvers()
  const home = await mkdtemp(join(tmpdir(), `megapolos-${system}-`))
  const folder = join(home, 'nginx')
  const paths = pathsOf(folder, system)
  await rm(dirname(paths.table), { recursive: true, force: true })
  const [port, tlsPort, internalPort] = [await freePort(), await freePort(), await freePort()]
  const log = createLog((line) => console.log(line))
  const internal = `127.0.0.1:${internalPort}`
  const settings = { httpPort: port, httpsPort: tlsPort, internal, workers: 2 }
  const driver = createDriver({ folder, system, settings, log })
  let child: ChildProcess | undefined
  const end = async (signal: NodeJS.Signals) => {
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    process.kill(-child.pid, signal)
    await exit
  }
  return {
    driver,
    port,
    tlsPort,
    internalPort,
    patience: 10,
    paths,
    pid: () => child?.pid ?? 0,
    start: async () => {
      const [program, ...words] = driver.command()
      child = spawn(program as string, words, { stdio: 'ignore', detached: true })
    },
    kill: () => end('SIGKILL'),
    remove: async () => {
      await end('SIGTERM')
      for (const path of [home, paths.temporary, dirname(paths.table)]) await rm(path, { recursive: true, force: true })
    },
  }
}

/** Of interrupted runs: the names say whose they were. */
async function removeLeftOvers(): Promise<void> {
  for (const folder of [tmpdir(), '/run', '/var/lib/nginx']) {
    for (const name of (await readdir(folder)).filter((name) => name.startsWith(prefix))) {
      if (await isRunning(Number.parseInt(name.slice(prefix.length), 10))) continue
      await endNginx(join(folder, name))
      await rm(join(folder, name), { recursive: true, force: true })
    }
  }
}

async function isRunning(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('node')
}

async function endNginx(home: string): Promise<void> {
  const pid = Number(await readFile(join(home, 'nginx/nginx.pid'), 'utf8').catch(() => '0'))
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  if (words.includes(home)) process.kill(pid, 'SIGKILL')
}
