/** Every topic, listed once; two rows with one name stop the start. */
import { apps } from './apps.ts'
import { attachments } from './attachments.ts'
import { audit } from './audit.ts'
import { auth } from './auth.ts'
import { backupSchedules } from './backup-schedules.ts'
import { backups } from './backups.ts'
import { builds } from './builds.ts'
import { certs } from './certs.ts'
import { certsOwn } from './certs-own.ts'
import type { AnyRow } from './command.ts'
import { config } from './config.ts'
import { db } from './db.ts'
import { dbAttach } from './db-attach.ts'
import { dbData } from './db-data.ts'
import { devices } from './devices.ts'
import { domains } from './domains.ts'
import { drivers } from './drivers.ts'
import { events } from './events.ts'
import { git } from './git.ts'
import { helpRow } from './help.ts'
import { jobs } from './jobs.ts'
import { keys } from './keys.ts'
import { links } from './links.ts'
import { logs } from './logs.ts'
import { maintenance } from './maintenance.ts'
import { notify } from './notify.ts'
import type { Table } from './parse.ts'
import { proxy } from './proxy.ts'
import { ps } from './ps.ts'
import { redirects } from './redirects.ts'
import { releases } from './releases.ts'
import { restoreAll } from './restore-all.ts'
import { run } from './run.ts'
import { server } from './server.ts'
import { serverBackup } from './server-backup.ts'
import { serverDisk } from './server-disk.ts'
import { serverDoctor } from './server-doctor.ts'
import { socket } from './socket.ts'
import { storage } from './storage.ts'
import { tokens } from './tokens.ts'
import { volumes } from './volumes.ts'
import { volumesAttach } from './volumes-attach.ts'

export const rows: readonly AnyRow[] = [
  ...apps,
  ...config,
  ...domains,
  ...redirects,
  ...proxy,
  ...auth,
  ...maintenance,
  ...certs,
  ...certsOwn,
  ...links,
  ...ps,
  ...releases,
  ...builds,
  ...logs,
  ...run,
  ...jobs,
  ...events,
  ...audit,
  ...db,
  ...dbAttach,
  ...dbData,
  ...attachments,
  ...devices,
  ...volumes,
  ...volumesAttach,
  ...storage,
  ...drivers,
  ...backups,
  ...restoreAll,
  ...backupSchedules,
  ...notify,
  ...keys,
  ...tokens,
  ...socket,
  ...server,
  ...serverDoctor,
  ...serverDisk,
  ...serverBackup,
  ...git,
  helpRow(
    () => rows,
    () => table,
  ),
]

export const table: Table = createTable(rows)

function createTable(rows: readonly AnyRow[]): Table {
  const names = new Map<string, { row: AnyRow; positional: readonly string[] }>()
  const add = (name: string, row: AnyRow, positional: readonly string[]) => {
    if (names.has(name)) throw new Error(`two commands are called ${name}`)
    names.set(name, { row, positional })
  }
  for (const row of rows) {
    add(row.name, row, row.positional)
    for (const alias of row.aliases ?? []) add(alias.name, row, alias.positional ?? row.positional)
  }
  return { names }
}
