/** The one installation that the end-to-end tests and the bench run against, made and removed by the real installer. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeHome, type Person, person } from './person.ts'
import { feed, quickly } from './quickly.ts'
import { provideBases, removeBases } from './sample-bases.ts'

export interface System {
  readonly home: string
  readonly user: string
  readonly httpPort: number
  readonly httpsPort: number
  readonly sshPort: number
  readonly rqlitePort: number
  /** Addresses of its networks. */
  readonly pool: string
  /** Value of the label that all its containers have. */
  readonly label: string
  /** Home of somebody whose key is an admin's. */
  readonly tester: string
  /** That somebody, in a new folder. */
  person(): Promise<Person>
  /** A command on the server's own console, as root; returns what it printed. */
  console(...words: string[]): Promise<string>
  installer(act: 'start' | 'stop' | 'mounts'): Promise<void>
  /** Process id of one of its servers: `kernel`, `proxy`, `redis`, `rqlite`. */
  pid(server: string): Promise<number>
  /** Destroys every app, database and volume, removes devices, and takes back keys and settings that a test left. */
  clean(): Promise<void>
}

const checkout = dirname(import.meta.dirname)
const installer = join(checkout, 'install.sh')

// Its own user as well: to uninstall it must not take that of an installation that people use.
const slot = Number(process.env.MEGAPOLOS_SLOT ?? 0)
const user = slot ? `megapolos-e2e-${slot}` : 'megapolos-e2e'
const home = `/var/lib/${user}`
const command = `/usr/local/bin/${user}`
const base = 18_000 + slot * 1000
const pool = `10.${80 + slot}.0.0/16`
const ports = {
  httpPort: base + 80,
  httpsPort: base + 43,
  sshPort: base + 22,
  panelPort: base + 180,
  gitPort: base + 181,
  rqlitePort: base + 141,
}

const notes = `/tmp/${user}`
const marker = join(notes, 'run')
const tester = join(notes, 'home')

/** Nothing listens there: no test asks an issuer that other people use. */
export const noIssuer = 'https://127.0.0.1:9/dir'

/** Installs what this checkout holds, once in a run of the tests; later callers get the one that runs. */
export async function useSystem(): Promise<System> {
  if (process.getuid?.() !== 0) throw new Error('The end-to-end tests install a system: run them as root')
  const owner = await ownerOfSystem()
  if (owner !== thisRun()) {
    if (owner && existsSync(`/proc/${owner}`)) throw new Error(`The tests of process ${owner} use the test system`)
    await mkdir(notes, { recursive: true })
    await writeFile(marker, thisRun())
    await install()
  }
  return system()
}

/** Leaves nothing behind, unless MEGAPOLOS_KEEP asks for it or this run never needed a system. */
export async function removeSystem(): Promise<void> {
  if ((await ownerOfSystem()) !== thisRun()) return
  if (process.env.MEGAPOLOS_KEEP) return rm(marker)
  await quickly(installer, 'uninstall', '--purge', '--home', home, '--user', user)
  await removeBases(notes)
  await rm(notes, { recursive: true, force: true })
}

/** Named by the process that began it; its workers inherit the name. */
const thisRun = () => process.env.MEGAPOLOS_TEST_RUN ?? String(process.pid)
const ownerOfSystem = () => readFile(marker, 'utf8').catch(() => null)

async function system(): Promise<System> {
  const label = (await readFile(join(home, 'system'), 'utf8')).trim()
  return {
    ...{ home, user, label, tester, pool },
    ...ports,
    person: () => person(tester, { ...ports, label }),
    console: (...words) => quickly(command, ...words),
    installer: (act) => quickly(installer, act, '--home', home).then(() => {}),
    pid: serverPid,
    async clean() {
      for (const { app, target } of await json('links:list'))
        await quickly(command, 'links:remove', String(app), String(target), '--no-restart')
      const apps = await list('apps:list')
      await Promise.all(Array.from({ length: 4 }, () => destroyAll(apps)))
      for (const name of await list('db:list')) await quickly(command, 'db:destroy', name, '--confirm', name)
      for (const { subject } of await json('backups:schedules'))
        await quickly(command, 'backups:unschedule', String(subject))
      for (const { id } of await json('notify:list')) await quickly(command, 'notify:remove', String(id))
      const drivers = await added()
      // A changed driver that waits for approval cannot remove its devices.
      for (const name of drivers) await quickly(command, 'drivers:approve', name)
      for (const name of await installed()) await quickly(command, 'devices:remove', name, '--confirm', name)
      for (const name of drivers) await quickly(command, 'drivers:remove', name)
      // An archive may be in one.
      for (const volume of await list('volumes:list'))
        await quickly(command, 'volumes:destroy', volume, '--confirm', volume)
      for (const key of await list('keys:list')) if (key !== 'tester') await quickly(command, 'keys:remove', key)
      for (const token of await list('tokens:list')) await quickly(command, 'tokens:revoke', token)
      await quickly(command, 'domains:set-global', 'localhost')
    },
  }
}

async function install(): Promise<void> {
  const store = process.env.MEGAPOLOS_STORE ? ['--store', process.env.MEGAPOLOS_STORE] : []
  await quickly(
    ...[installer, 'install', '--home', home, '--user', user],
    ...['--http-port', `${ports.httpPort}`, '--https-port', `${ports.httpsPort}`, '--ssh-port', `${ports.sshPort}`],
    ...['--panel-port', `${ports.panelPort}`, '--git-port', `${ports.gitPort}`, '--rqlite-port', `${ports.rqlitePort}`],
    ...['--domain', 'localhost', '--pool', pool, '--no-hello'],
    ...store,
  )
  await makeHome(tester, user, ports.sshPort)
  if ((await list('keys:list')).includes('tester')) await quickly(command, 'keys:remove', 'tester')
  await feed(await readFile(join(tester, '.ssh/tester.pub'), 'utf8'), command, 'keys:add', 'tester')
  await quickly(command, 'certs:set', 'server', noIssuer)
  await (await system()).clean()
  await provideBases(notes)
}

/** Names of what a listing command lists. */
async function list(listing: string): Promise<string[]> {
  return (await json(listing)).map((row) => String(row.name))
}

/** Names of the devices that a test brought. */
async function installed(): Promise<string[]> {
  return (await json('devices:list')).filter((row) => row.as !== 'built-in').map((row) => String(row.name))
}

/** Names of the drivers that a test pushed. */
async function added(): Promise<string[]> {
  const { drivers } = JSON.parse(await quickly(command, 'drivers:list', '--format', 'json'))
  const all = drivers as { name: string; from: string }[]
  return all.filter(({ from }) => from === 'home').map(({ name }) => name)
}

async function json(listing: string): Promise<Record<string, unknown>[]> {
  return JSON.parse(await quickly(command, listing, '--format', 'json'))
}

/** Several take from the same list. */
async function destroyAll(apps: string[]): Promise<void> {
  for (let app = apps.pop(); app !== undefined; app = apps.pop()) {
    await quickly(command, 'apps:destroy', app, '--confirm', app)
  }
}

/** `kernel   running  1234`; a server that is down makes the whole status fail, which is no matter here. */
async function serverPid(server: string): Promise<number> {
  const status = await quickly(installer, 'status', '--home', home).catch((error: Error) => error.message)
  const pid = status.match(new RegExp(`^${server}\\s+running\\s+(\\d+)`, 'm'))?.[1]
  if (!pid) throw new Error(`${server} does not run:\n${status}`)
  return Number(pid)
}
