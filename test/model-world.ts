/** The same picture of a system drawn twice: from what its store says, and from engine, disk, database server and firewall. */
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import pg from 'pg'
import { leftOvers } from './left-overs.ts'
import { quickly } from './quickly.ts'
import type { System } from './system.ts'

export interface Picture {
  /** App → its containers, which are all alike. */
  readonly containers: Readonly<Record<string, readonly Seen[]>>
  /** What the server calls a database → users who may log in to it. */
  readonly databases: Readonly<Record<string, readonly string[]>>
  /** Ids of volumes that have a directory. */
  readonly directories: readonly string[]
  /** How many mounts the node has below the folder that containers see. */
  readonly mounts: number
  /** How many networks are let in to the database server. */
  readonly grants: number
  /** What is on its way, or belongs to nobody. */
  readonly leftOver: readonly string[]
}

interface Seen {
  /** Variable → `user@database` that its URL opens. */
  readonly opens: Readonly<Record<string, string>>
  /** Name below `/megapolos` → id of the volume. */
  readonly volumes: Readonly<Record<string, string>>
  /** Its network reaches the database server. */
  readonly granted: boolean
}

/** What people believe. */
export interface Model {
  readonly apps: Readonly<Record<string, AppModel>>
  readonly databases: readonly string[]
  readonly volumes: readonly string[]
}

export interface AppModel {
  readonly pushed: boolean
  readonly web: number
  readonly databases: readonly string[]
  readonly volumes: readonly string[]
}

/** What the store says, by the commands that people read it with. */
export async function fromStore(system: System): Promise<{ readonly model: Model; readonly picture: Picture }> {
  const json = async (...words: string[]) => JSON.parse(await system.console(...words, '--format', 'json'))
  const apps: { name: string; release: number | null }[] = await json('apps:list')
  const ties: { app: string; database: string; sets: string[] }[] = await json('attachments')
  const volumes: { id: string; name: string; attachments: { app: string; at: string }[] }[] = await json('volumes:list')
  const databases: { name: string; state: string }[] = await json('db:list')
  const logins: Record<string, { app: string; user: string; database: string }[]> = {}
  const handles: Record<string, string> = {}
  for (const { name } of databases) {
    logins[name] = (await json('db:credentials', name)).logins
    handles[name] = (await json('db:info', name)).handle
  }
  const all = Object.values(logins).flat()

  const appModel = async ({ name, release }: (typeof apps)[number]): Promise<AppModel> => {
    const { processes } = await json('ps:report', name)
    const web = processes.find(({ type }: { type: string }) => type === 'web')?.wanted ?? 1
    const attached = ties.filter(({ app }) => app === name).map(({ database }) => database)
    const mounted = volumes.filter(({ attachments }) => attachments.some(({ app }) => app === name))
    return { pushed: release !== null, web, databases: attached.sort(), volumes: mounted.map((one) => one.name).sort() }
  }
  const model: Model = {
    apps: Object.fromEntries(await Promise.all(apps.map(async (app) => [app.name, await appModel(app)]))),
    databases: databases.map(({ name }) => name).sort(),
    volumes: volumes.map(({ name }) => name).sort(),
  }

  const seen = (name: string): Seen => ({
    opens: Object.fromEntries(
      ties
        .filter(({ app }) => app === name)
        .flatMap(({ database, sets }) => {
          const login = logins[database]?.find(({ app }) => app === name)
          return sets.map((variable) => [variable, `${login?.user}@${login?.database}`])
        }),
    ),
    volumes: Object.fromEntries(
      volumes.flatMap(({ id, attachments }) =>
        attachments.flatMap(({ app, at }) => (app === name ? [[basename(at), id]] : [])),
      ),
    ),
    granted: all.some(({ app }) => app === name),
  })
  const running = Object.entries(model.apps).filter(([, { pushed }]) => pushed)
  const picture: Picture = {
    containers: Object.fromEntries(running.map(([name, { web }]) => [name, Array(web).fill(seen(name))])),
    databases: Object.fromEntries(
      databases.map(({ name }) => [handles[name], (logins[name] ?? []).map(({ user }) => user).sort()]),
    ),
    directories: volumes.map(({ id }) => id).sort(),
    mounts: running.reduce((sum, [, app]) => sum + app.volumes.length, 0),
    grants: new Set(all.map(({ app }) => app)).size,
    leftOver: databases.filter(({ state }) => state !== 'ready').map(({ name, state }) => `${name} is ${state}`),
  }
  return { model, picture }
}

/** What is there, whatever the store says. */
export async function fromMachine(system: System, device: string): Promise<Picture> {
  const networks = await granted(system)
  const containers: Record<string, Seen[]> = {}
  for (const one of await appContainers(system)) {
    const subnet = one.address.replace(/\d+$/, '0/24')
    const about = { opens: await opened(one.env), volumes: await mountsOf(one.pid), granted: networks.includes(subnet) }
    containers[one.app] = [...(containers[one.app] ?? []), about]
  }
  const mounted = (await readFile('/proc/self/mountinfo', 'utf8')).split(` ${join(system.home, 'mounts')}/`)
  return {
    containers,
    databases: await ofServer(system, device),
    directories: (await readdir(join(system.home, 'volumes')).catch(() => [])).sort(),
    mounts: mounted.length - 1,
    grants: networks.length,
    leftOver: await leftOvers(system),
  }
}

async function appContainers(system: System) {
  const labels = ['--filter', `label=megapolos.system=${system.label}`, '--filter', 'label=megapolos.app']
  const ids = (await quickly('docker', 'ps', '--quiet', ...labels)).split('\n').filter(Boolean)
  if (ids.length === 0) return []
  const apps: { id: string; name: string }[] = JSON.parse(await system.console('apps:list', '--format', 'json'))
  const inspected: Inspected[] = JSON.parse(await quickly('docker', 'inspect', ...ids))
  return inspected.map(({ State, Config }) => ({
    app: apps.find(({ id }) => id === Config.Labels['megapolos.app'])?.name ?? 'nobody',
    pid: State.Pid,
    env: Config.Env,
    address: Config.Labels['megapolos.address'] ?? '',
  }))
}

interface Inspected {
  readonly State: { readonly Pid: number }
  readonly Config: { readonly Env: readonly string[]; readonly Labels: Readonly<Record<string, string>> }
}

/** Tries every URL that a container was given. */
async function opened(env: readonly string[]): Promise<Record<string, string>> {
  const pairs = env.map((line) => line.split(/=(.*)/s)).filter(([name = '']) => name.endsWith('_URL'))
  const tried = pairs.map(async ([name, url = '']) => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    const { username, pathname } = new URL(url)
    const says = client.connect().then(
      () => client.end().then(() => `${username}@${pathname.slice(1)}`),
      (error: Error) => error.message,
    )
    return [name, await says]
  })
  return Object.fromEntries(await Promise.all(tried))
}

/** As the process itself sees them. */
async function mountsOf(pid: number): Promise<Record<string, string>> {
  const lines = (await readFile(`/proc/${pid}/mountinfo`, 'utf8')).split('\n').map((line) => line.split(' '))
  return Object.fromEntries(
    lines.flatMap(([, , , root = '', place = '']) =>
      place.startsWith('/megapolos/') ? [[place.slice('/megapolos/'.length), basename(root)]] : [],
    ),
  )
}

/** Asks the server itself, as its administrator. */
async function ofServer(system: System, device: string): Promise<Record<string, string[]>> {
  const statement = `SELECT d.datname, m.rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
    LEFT JOIN pg_auth_members a ON a.roleid = r.oid LEFT JOIN pg_roles m ON m.oid = a.member AND m.rolcanlogin
    WHERE r.rolname LIKE '%.owner' ORDER BY 1, 2`
  const psql = ['psql', '-h', '/var/lib/megapolos', '-XqAt', '-d', 'postgres', '-c', statement]
  const output = await quickly('docker', 'exec', '-u', 'postgres', `mp-${system.label}.${device}.server`, ...psql)
  const rows = output.split('\n').filter(Boolean)
  const pairs = rows.map((line) => line.split('|'))
  return Object.fromEntries(
    pairs.map(([database = '']) => [
      database,
      pairs.flatMap(([other, user]) => (other === database && user ? [user] : [])),
    ]),
  )
}

/** Networks that the firewall lets in to a server's container. */
async function granted(system: System): Promise<string[]> {
  const rules = await quickly('iptables', '--wait', '-S', `MP${system.label.toUpperCase()}-FORWARD`)
  return [...rules.matchAll(/-s (\S+) -m conntrack --ctorigdst \S+ --ctorigdstport \d+ -j ACCEPT/g)].map(
    ([, subnet = '']) => subnet,
  )
}
