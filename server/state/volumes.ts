/** Volumes, and which app sees which: the constraints refuse, and the refusals name who has it. */
import { randomBytes } from 'node:crypto'
import { nearest } from '../domain/nearest.ts'
import { placeOf, type Volume, type VolumeAttachment } from '../domain/volume.ts'
import { UserError } from '../errors.ts'
import { type ConstraintError, type Database, type Result, sql } from './database.ts'
import { batchOr, goneApp } from './refusal.ts'

export interface Volumes {
  list(): Promise<Volume[]>
  /** By name; throws `not-found` naming the nearest volume. */
  get(name: string): Promise<Volume>
  find(name: string): Promise<Volume | null>
  /** Throws `conflict` when the name is taken, or the directory overlaps with another volume's, naming that one. */
  add(volume: Omit<Volume, 'id' | 'lost' | 'createdAt'>): Promise<Volume>
  /** Compare and set. */
  move(id: string, from: Volume['state'], to: Volume['state']): Promise<boolean>
  /** From now on nobody can attach it; throws `not-found` before it is ready, and `conflict` naming the apps or the archive that have it. */
  retire(volume: Pick<Volume, 'id' | 'name'>): Promise<void>
  /** With its schedule of backups. */
  forget(id: string): Promise<void>
  /** `after`, a scratch one, takes the name and the attachments of `before`, which goes on under another name, or is gone; at once. */
  replace(before: Volume, after: Volume, keptName: string | null): Promise<void>
  /** A scratch one becomes a volume of its own; throws `conflict` when the name is taken. */
  keep(id: string, name: string, actor: string): Promise<void>

  attachments(of?: { readonly app?: string; readonly volume?: string }): Promise<VolumeAttachment[]>
  attachment(app: string, volume: string): Promise<VolumeAttachment | null>
  /** Throws `conflict` naming who holds the name, the path or, where one of both is exclusive, the right to write. */
  attach(attachment: VolumeAttachment): Promise<void>
  /** Compare and set of its state. */
  settle(
    app: string,
    volume: string,
    from: VolumeAttachment['state'],
    to: VolumeAttachment['state'],
    since?: string | null,
  ): Promise<boolean>
  /** False when it was not attached. */
  detach(app: string, volume: string): Promise<boolean>
}

export function createVolumes(db: Database): Volumes {
  const find = async (name: string) => {
    const [row] = await db.query('SELECT * FROM volumes WHERE name = ?', [name])
    return row ? volume(row) : null
  }
  const attachment = async (app: string, id: string) => {
    const [row] = await db.query('SELECT * FROM volume_attachments WHERE app = ? AND volume = ?', [app, id])
    return row ? attached(row) : null
  }

  return {
    find,
    attachment,
    async list() {
      return (await db.query('SELECT * FROM volumes ORDER BY name')).map(volume)
    },
    async get(name) {
      return (await find(name)) ?? Promise.reject(await unknown(db, name))
    },
    async add(wanted) {
      const id = randomBytes(4).toString('hex')
      const made = { ...wanted, id, lost: false, createdAt: new Date().toISOString() }
      const { name, device, path, state, createdAt, createdBy } = made
      // Two volumes in one directory would be one under two names.
      const insert = `INSERT INTO volumes (id, name, device, path, state, created_at, created_by)
        SELECT ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM volumes WHERE ${overlapping})`
      const values = [id, name, device, path, state, createdAt, createdBy, path, path, path, path] as const
      const statement = sql(insert, ...values)
      const [result] = await batchOr(db, [statement], (error) => refusedVolume(db, error, name, device, path))
      if (!result?.changes) throw await takenPath(db, path ?? '')
      return made
    },
    async move(id, from, to) {
      const [result] = await db.batch([sql('UPDATE volumes SET state = ? WHERE id = ? AND state = ?', to, id, from)])
      return result?.changes === 1
    },
    async retire({ id, name }) {
      const unused = `UPDATE volumes SET state = 'destroying' WHERE id = ? AND state IN ('ready', 'destroying')
        AND NOT EXISTS (SELECT 1 FROM volume_attachments WHERE volume = ?)
        AND NOT EXISTS (SELECT 1 FROM devices WHERE ${archiveIn})`
      const [result] = await db.batch([sql(unused, id, id, name)])
      if (result?.changes) return
      const [archive] = await db.query(`SELECT name FROM devices WHERE ${archiveIn}`, [name])
      if (archive) throw holdsArchive(name, String(archive.name))
      const apps = await appsOf(db, id)
      if (apps.length === 0) throw await unknown(db, name)
      throw new UserError(
        'conflict',
        `${name} is attached to ${apps.join(', ')}.`,
        `Detach it first: volumes:detach ${apps[0]} ${name}`,
      )
    },
    async forget(id) {
      const schedule = `DELETE FROM backup_schedules WHERE kind = 'volume' AND subject = (SELECT name FROM volumes WHERE id = ?)`
      await db.batch([sql(schedule, id), sql('DELETE FROM volumes WHERE id = ?', id)])
    },
    async replace(before, after, keptName) {
      await db.batch([
        sql('UPDATE volume_attachments SET volume = ? WHERE volume = ?', after.id, before.id),
        keptName === null
          ? sql('DELETE FROM volumes WHERE id = ?', before.id)
          : sql('UPDATE volumes SET name = ? WHERE id = ?', keptName, before.id),
        sql("UPDATE volumes SET name = ?, state = 'ready' WHERE id = ?", before.name, after.id),
      ])
    },
    async keep(id, name, actor) {
      const become = sql("UPDATE volumes SET name = ?, state = 'ready', created_by = ? WHERE id = ?", name, actor, id)
      await batchOr(db, [become], (error) => refusedVolume(db, error, name, '', null))
    },

    async attachments({ app, volume: id } = {}) {
      const where = 'WHERE (? IS NULL OR app = ?) AND (? IS NULL OR volume = ?) ORDER BY app, name'
      const values = [app ?? null, app ?? null, id ?? null, id ?? null]
      return (await db.query(`SELECT * FROM volume_attachments ${where}`, values)).map(attached)
    },
    async attach(wanted) {
      const { app, volume: id, name, path, readOnly, exclusive, process, state, since } = wanted
      const insert = `INSERT INTO volume_attachments
        (app, volume, name, path, read_only, exclusive, process, state, since)
        SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM volumes WHERE id = ? AND state = 'ready')
        AND NOT EXISTS (SELECT 1 FROM volume_attachments WHERE ${otherWriter})`
      const flags = [Number(readOnly), Number(exclusive)] as const
      const values = [app, id, name, path, ...flags, process, state, since, id] as const
      const statement = sql(insert, ...values, id, app, Number(readOnly), Number(exclusive))
      const [result] = await batchOr(db, [statement], (error) => refusedAttachment(db, error, wanted))
      if (!result?.changes) throw await refusedWriter(db, wanted)
    },
    async settle(app, id, from, to, since = null) {
      const update = 'UPDATE volume_attachments SET state = ?, since = ? WHERE app = ? AND volume = ? AND state = ?'
      const [result] = await db.batch([sql(update, to, since, app, id, from)])
      return result?.changes === 1
    },
    async detach(app, id) {
      const [result] = await db.batch([sql('DELETE FROM volume_attachments WHERE app = ? AND volume = ?', app, id)])
      return result?.changes === 1
    },
  }
}

/** Value: the name of the volume. */
const archiveIn = `class = 'archive' AND json_extract(settings, '$.volume') = ?`
/** The same directory, or one in the other. Values: the path, four times. */
const overlapping = `path = ? OR substr(path, 1, length(?) + 1) = ? || '/' OR substr(?, 1, length(path) + 1) = path || '/'`
/** Values: volume, app, whether this one only reads, whether it wants to be alone. */
const otherWriter = 'volume = ? AND app <> ? AND read_only = 0 AND ? = 0 AND (exclusive = 1 OR ? = 1)'

async function unknown(db: Database, name: string): Promise<UserError> {
  const names = (await db.query('SELECT name FROM volumes')).map((row) => String(row.name))
  const meant = nearest(name, names)
  const hint = meant ? `Did you mean ${meant}?` : 'megapolos volumes:list shows all volumes.'
  return new UserError('not-found', `There is no volume named ${name}.`, hint)
}

function holdsArchive(volume: string, archive: string): UserError {
  const hint = `First remove the archive; its backups stay in the volume: devices:remove ${archive} --confirm ${archive}`
  return new UserError('conflict', `${volume} is what the archive ${archive} keeps its backups in.`, hint)
}

async function appsOf(db: Database, id: string): Promise<string[]> {
  const ofVolume = `SELECT apps.name FROM volume_attachments JOIN apps ON apps.id = volume_attachments.app
    WHERE volume_attachments.volume = ? ORDER BY apps.name`
  return (await db.query(ofVolume, [id])).map((row) => String(row.name))
}

async function refusedVolume(db: Database, error: ConstraintError, name: string, device: string, path: string | null) {
  if (error.column === 'volumes.name') return new UserError('conflict', `There is already a volume named ${name}.`)
  if (error.column === 'volumes.path') return takenPath(db, path ?? '')
  return error.kind === 'foreign-key' ? new UserError('not-found', `There is no device named ${device}.`) : null
}

async function takenPath(db: Database, path: string): Promise<UserError> {
  const [row] = await db.query(`SELECT name, path FROM volumes WHERE ${overlapping}`, [path, path, path, path])
  return new UserError('conflict', `${path} is in the way of the volume ${row?.name}, which is ${row?.path}.`)
}

async function refusedAttachment(db: Database, { kind }: ConstraintError, wanted: VolumeAttachment) {
  if (kind === 'foreign-key') return goneApp()
  const { app, volume: id, name, path } = wanted
  // The row that holds the same volume, or else the one in whose place it would be.
  const inTheWay = `SELECT volume_attachments.*, volumes.name AS owner FROM volume_attachments
    JOIN volumes ON volumes.id = volume WHERE app = ? AND (volume = ? OR volume_attachments.name = ?
    OR volume_attachments.path = ?) ORDER BY volume = ? DESC, volume_attachments.path = ? DESC`
  const [row] = await db.query(inTheWay, [app, id, name, path, id, path])
  if (!row) return null
  const held = attached(row)
  if (held.volume === id)
    return new UserError('conflict', `${row.owner} is attached to this app already, at ${placeOf(held)}.`)
  const place = held.path === path ? placeOf(wanted) : `The name ${name}`
  return new UserError(
    'conflict',
    `${place} of this app is the volume ${row.owner} already.`,
    'Choose another: --as NAME',
  )
}

async function refusedWriter(db: Database, { volume: id, app, readOnly, exclusive }: VolumeAttachment) {
  const writers = `SELECT apps.name, exclusive FROM volume_attachments JOIN apps ON apps.id = app WHERE ${otherWriter}`
  const [row] = await db.query(writers, [id, app, Number(readOnly), Number(exclusive)])
  if (!row) return new UserError('not-found', 'The volume is not there any more.', 'megapolos volumes:list')
  const why = row.exclusive === 1 ? 'has it for itself' : 'writes to it'
  return new UserError(
    'conflict',
    `${row.name} ${why}: an exclusive volume has one writer.`,
    'Others may have it --read-only.',
  )
}

function volume(row: Result['rows'][number]): Volume {
  return {
    id: String(row.id),
    name: String(row.name),
    device: String(row.device),
    path: row.path as string | null,
    state: row.state as Volume['state'],
    lost: row.lost === 1,
    createdAt: String(row.created_at),
    createdBy: String(row.created_by),
  }
}

function attached(row: Result['rows'][number]): VolumeAttachment {
  return {
    app: String(row.app),
    volume: String(row.volume),
    name: String(row.name),
    path: row.path as string | null,
    readOnly: row.read_only === 1,
    exclusive: row.exclusive === 1,
    process: row.process as string | null,
    state: row.state as VolumeAttachment['state'],
    since: row.since as string | null,
  }
}
