/** When all is over the store, the servers, the disk, the firewall and the engine must say the same: sentences where they do not. */
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { backupFile } from '../../server/domain/backup.ts'
import { addressIn } from '../../server/network/subnets.ts'
import { quickly } from '../quickly.ts'
import { type Row, stored } from '../stored.ts'
import type { System } from '../system.ts'
import { psql, server } from './servers.ts'

/** `disk`: folder of the archive. `half`: a device that may be half installed until the same words are said again. */
export async function disagreements(system: System, disk: string, half: string | null): Promise<string[]> {
  const looks = [unfinished, databases, logins, volumes, appContainers, deviceContainers, firewall]
  const found = await Promise.all([...looks.map((look) => look(system)), archive(system, disk), scratch(system)])
  return found.flat().filter((sentence) => half === null || !sentence.includes(half))
}

/** What is on its way, or waits for somebody to end it. */
async function unfinished(system: System): Promise<string[]> {
  const questions = {
    job: "SELECT kind || ' ' || state AS name FROM jobs WHERE state IN ('waiting', 'running')",
    release: "SELECT app || ' v' || version AS name FROM releases WHERE state = 'pending'",
    device: "SELECT name FROM devices WHERE state <> 'ready'",
    database: "SELECT name || ' ' || state AS name FROM databases WHERE state <> 'ready'",
    'scratch database': 'SELECT handle AS name FROM scratch_databases',
    login: "SELECT user || ' ' || state AS name FROM credentials WHERE state <> 'live'",
    backup: "SELECT id || ' ' || state AS name FROM backups WHERE state IN ('capturing', 'deleting')",
    volume: "SELECT name || ' ' || state AS name FROM volumes WHERE state <> 'ready'",
    'volume of an app': "SELECT name || ' ' || state AS name FROM volume_attachments WHERE state <> 'attached'",
  }
  const found = Object.entries(questions).map(async ([what, question]) =>
    (await stored(system, question)).map(({ name }) => `unfinished ${what}: ${name}`),
  )
  return (await Promise.all(found)).flat()
}

async function databases(system: System): Promise<string[]> {
  const rows = await stored(system, `SELECT handle FROM databases WHERE device = '${server}'`)
  const there = await psql(system, "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'")
  const owners = await psql(system, "SELECT rolname FROM pg_roles WHERE rolname LIKE '%.owner'")
  const handles = rows.map(({ handle }) => String(handle))
  return [
    ...differ('databases', handles, there),
    ...differ(
      'owners',
      handles.map((handle) => `${handle}.owner`),
      owners,
    ),
  ]
}

async function logins(system: System): Promise<string[]> {
  const question = `SELECT user FROM credentials WHERE database IN (SELECT name FROM databases WHERE device = '${server}')`
  const rows = await stored(system, question)
  const there = await psql(system, 'SELECT rolname FROM pg_roles WHERE rolcanlogin AND NOT rolsuper')
  return differ('logins', text(rows, 'user'), there)
}

async function archive(system: System, disk: string): Promise<string[]> {
  const rows = await stored(system, 'SELECT * FROM backups WHERE bytes > 0')
  const names = rows.map(({ kind, subject, created_at: createdAt, id }) =>
    basename(backupFile({ kind, subject, createdAt, id } as Parameters<typeof backupFile>[0])),
  )
  const files = await readdir(disk, { recursive: true })
  return differ(
    'backups',
    names,
    files.map((file) => basename(file)).filter((file) => file.includes('.')),
  )
}

async function scratch({ home }: System): Promise<string[]> {
  return (await readdir(join(home, 'spool'))).map((file) => `in the spool: ${file}`)
}

async function volumes(system: System): Promise<string[]> {
  const rows = await stored(system, 'SELECT id FROM volumes WHERE path IS NULL')
  return differ('volumes', text(rows, 'id'), await readdir(join(system.home, 'volumes')).catch(() => []))
}

/** One group of each app, of its release, and the folders that its containers see. */
async function appContainers(system: System): Promise<string[]> {
  const apps = await stored(system, 'SELECT id, release, "group" FROM apps WHERE release IS NOT NULL')
  const rows = apps.map(({ id, release, group }) => `${id} v${release} ${group} running`)
  const [label, one] = ['{{.Label "megapolos.app"}}', '{{.Label "megapolos.release"}} {{.Label "megapolos.group"}}']
  const there = (await containers(system, `${label} v${one} {{.State}}`)).filter((line) => !line.startsWith(' '))
  const folders = await readdir(join(system.home, 'mounts'))
  return [
    ...differ('containers', rows, there),
    ...differ(
      'folders',
      apps.map(({ id, group }) => `${id}.${group}.web`),
      folders,
    ),
  ]
}

async function deviceContainers(system: System): Promise<string[]> {
  const servers = await stored(system, "SELECT name FROM devices WHERE driver = 'postgres'")
  const cached = await stored(system, "SELECT d.device, d.handle FROM databases d WHERE d.device = 'cache'")
  const rows = [
    ...servers.map(({ name }) => `${name} server running`),
    ...cached.map(({ device, handle }) => `${device} ${handle} running`),
  ]
  const there = await containers(system, '{{.Label "megapolos.device"}} {{.Label "megapolos.container"}} {{.State}}')
  return differ(
    'servers',
    rows,
    there.filter((line) => !line.startsWith(' ')),
  )
}

/** Each app is let through to the servers that it has a login on, and nobody else is. */
async function firewall(system: System): Promise<string[]> {
  const question = `SELECT DISTINCT subnet, json_extract(reach, '$.host') AS host, json_extract(reach, '$.port') AS port
    FROM credentials JOIN apps ON apps.id = credentials.app`
  const rows = (await stored(system, question)).map(
    ({ subnet, host, port }) => `${addressIn(system.pool, Number(subnet), 0)}/24 ${host} ${port}`,
  )
  const rules = await quickly('iptables', '-S', `MP${system.label.toUpperCase()}-FORWARD`)
  const granted = /-s (\S+) .*--ctorigdst (\S+) .*--ctorigdstport (\d+)/g
  return differ(
    'the firewall',
    rows,
    [...rules.matchAll(granted)].map(([, ...words]) => words.join(' ')),
  )
}

async function containers({ label }: System, format: string): Promise<string[]> {
  const asked = ['ps', '--all', '--filter', `label=megapolos.system=${label}`, '--format', format]
  return (await quickly('docker', ...asked)).split('\n').filter((line) => line.trim() !== '')
}

const text = (rows: readonly Row[], column: string) => rows.map((row) => String(row[column]))

function differ(what: string, wanted: readonly string[], there: readonly string[]): string[] {
  const missing = wanted.filter((one) => !there.includes(one))
  const left = there.filter((one) => !wanted.includes(one))
  return [
    ...missing.map((one) => `${what}: ${one} is stored, and not there`),
    ...left.map((one) => `${what}: ${one} is there, and not stored`),
  ]
}
