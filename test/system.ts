/** The one installation that the end-to-end tests and the bench run against, made and removed by the real installer. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeHome, type Person, person } from './person.ts'
import { quickly } from './quickly.ts'

export interface System {
  readonly home: string
  readonly prefix: string
  readonly httpPort: number
  readonly sshPort: number
  readonly rqlitePort: number
  /** A command on the server's own console, as root; returns what it printed. */
  console(...words: string[]): Promise<string>
  /** Somebody whose key is an admin's, in a new empty folder. */
  person(): Promise<Person>
  /** Starts or stops the installation with its own script. */
  installer(act: 'start' | 'stop'): Promise<void>
  /** Destroys every app, and takes back keys and settings that a test left. */
  clean(): Promise<void>
}

const checkout = dirname(import.meta.dirname)
const home = '/var/lib/megapolos-test'
const prefix = '/opt/megapolos-test'
const ports = { httpPort: 18080, sshPort: 18022, panelPort: 18180, rqlitePort: 18141 }
const notes = '/tmp/megapolos-test'
const marker = join(notes, 'run')
const tester = join(notes, 'home')
const busyboxTar = join(notes, 'busybox.tar')

/** Installs what this checkout holds, once in a run of the tests; later callers get the one that runs. */
export async function useSystem(): Promise<System> {
  if (process.getuid?.() !== 0) throw new Error('The end-to-end tests install a system: run them as root')
  const run = process.env.MEGAPOLOS_TEST_RUN ?? String(process.pid)
  const owner = await readFile(marker, 'utf8').catch(() => null)
  if (owner !== run) {
    if (owner !== null && owner !== run && isRunning(Number(owner))) {
      throw new Error(`Another run of the tests (process ${owner}) uses the test system`)
    }
    await mkdir(notes, { recursive: true })
    await writeFile(marker, run)
    await install()
  }
  return system
}

/** Leaves nothing behind, unless MEGAPOLOS_KEEP asks for it or the run never needed a system. */
export async function removeSystem(): Promise<void> {
  const run = process.env.MEGAPOLOS_TEST_RUN ?? String(process.pid)
  if ((await readFile(marker, 'utf8').catch(() => null)) !== run) return
  if (process.env.MEGAPOLOS_KEEP) return rm(marker)
  await quickly(join(checkout, 'install.sh'), 'uninstall', '--purge', '--home', home, '--prefix', prefix)
  if (existsSync(busyboxTar)) await quickly('docker', 'image', 'rm', 'busybox')
  await rm(notes, { recursive: true, force: true })
}

const system: System = {
  home,
  prefix,
  ...ports,
  console: (...words) => quickly(join(prefix, 'bin/megapolos'), ...words),
  person: () => person(tester, ports),
  async installer(act) {
    await quickly(join(checkout, 'install.sh'), act, '--home', home, '--prefix', prefix)
  },
  async clean() {
    for (const app of await list('apps:list')) await system.console('apps:destroy', app, '--confirm', app)
    for (const key of await list('keys:list')) if (key !== 'tester') await system.console('keys:remove', key)
    await system.console('domains:set-global', 'localhost')
  },
}

async function install(): Promise<void> {
  const store = process.env.MEGAPOLOS_STORE ? ['--store', process.env.MEGAPOLOS_STORE] : []
  await quickly(
    join(checkout, 'install.sh'),
    'install',
    ...['--home', home, '--prefix', prefix],
    ...['--http-port', `${ports.httpPort}`, '--ssh-port', `${ports.sshPort}`],
    ...['--panel-port', `${ports.panelPort}`, '--rqlite-port', `${ports.rqlitePort}`],
    ...['--domain', 'localhost', '--pool', '10.80.0.0/16', '--no-hello'],
    ...store,
  )
  await makeHome(tester, ports)
  if ((await list('keys:list')).includes('tester')) await system.console('keys:remove', 'tester')
  const key = await readFile(join(tester, '.ssh/tester.pub'), 'utf8')
  await system.console('keys:add', 'tester', key.trim(), '--role', 'admin')
  await system.clean()
  await provideBusybox()
}

/** Names of what a listing command lists. */
async function list(command: string): Promise<string[]> {
  const rows: { name: string }[] = JSON.parse(await system.console(command, '--format', 'json'))
  return rows.map((row) => row.name)
}

/** The base of apps/dockerfile: Docker Hub's image where it is there, else one made of Debian's busybox-static. */
async function provideBusybox(): Promise<void> {
  if (await quickly('docker', 'image', 'inspect', 'busybox').catch(() => null)) return
  if (!existsSync('/bin/busybox')) throw new Error('apps/dockerfile needs a base: apt-get install busybox-static')
  const root = join(notes, 'busybox')
  await mkdir(join(root, 'bin'), { recursive: true })
  await quickly('cp', '/bin/busybox', join(root, 'bin'))
  for (const applet of ['sh', 'httpd']) await quickly('ln', '-sf', 'busybox', join(root, 'bin', applet))
  await quickly('tar', '-C', root, '-cf', busyboxTar, '.')
  await quickly('docker', 'import', '--change', 'ENV PATH=/bin', busyboxTar, 'busybox')
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}
