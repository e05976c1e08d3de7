/** Releases, and the images that builds left for them. */
import type { Release } from '../domain/release.ts'
import { referencesText } from './attachments.ts'
import { type Database, type Result, sql } from './database.ts'
import { linksText } from './links.ts'
import { batchOr } from './refusal.ts'
import type { Secrets } from './secrets.ts'
import type { ReleaseOutline, Releases } from './store.ts'

/** The number is taken in the statement itself: two at once cannot get the same one. */
const insert = `INSERT INTO releases (app, version, state, "commit", tree, build, processes, hardened, checks, config,
    attachments, links, description, created_at, created_by)
  SELECT ?, coalesce(max(version), 0) + 1, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM releases WHERE app = ?
  RETURNING version`

export function createReleases(db: Database, secrets: Secrets): Releases {
  const release = (row: Result['rows'][number]) => fromRow(row, secrets)

  return {
    async list(app) {
      const served = "SELECT * FROM releases WHERE app = ? AND state = 'served' ORDER BY version DESC"
      return (await db.query(served, [app])).map(release)
    },
    async get(app, version) {
      const [row] = await db.query('SELECT * FROM releases WHERE app = ? AND version = ?', [app, version])
      return row ? release(row) : null
    },
    async create(wanted) {
      const createdAt = new Date().toISOString()
      const statement = sql(
        insert,
        wanted.app,
        wanted.commit,
        wanted.tree,
        wanted.build,
        JSON.stringify(wanted.processes),
        wanted.hardened ? 1 : 0,
        JSON.stringify(wanted.checks),
        secrets.seal(JSON.stringify(wanted.config), owner(wanted.app)),
        referencesText(wanted.attachments),
        linksText(wanted.links),
        wanted.description,
        createdAt,
        wanted.createdBy,
        wanted.app,
      )
      const [created] = await batchOr(db, [statement], () => null)
      return { ...wanted, createdAt, version: Number(created?.rows[0]?.version) }
    },
    async discard(app, version) {
      await db.batch([sql("DELETE FROM releases WHERE app = ? AND version = ? AND state = 'pending'", app, version)])
    },
    async discardPending() {
      await db.batch([sql("DELETE FROM releases WHERE state = 'pending'")])
    },
    async imageFor(app, contentKey) {
      const [row] = await db.query('SELECT image FROM images WHERE app = ? AND content_key = ?', [app, contentKey])
      return row ? String(row.image) : null
    },
    async rememberImage(app, contentKey, image) {
      const upsert = `INSERT INTO images (app, content_key, image) VALUES (?, ?, ?)
        ON CONFLICT (app, content_key) DO UPDATE SET image = excluded.image`
      await batchOr(db, [sql(upsert, app, contentKey, image)], () => null)
    },
    async replaceImages(app, images) {
      const rows = await db.query('SELECT version, processes FROM releases WHERE app = ?', [app])
      await db.batch(
        rows.flatMap(({ version, processes }) => {
          const text = String(processes)
          const replaced = withImages(JSON.parse(text), images)
          if (replaced === text) return []
          // Compared again: what somebody changed in between is not overwritten.
          const update = 'UPDATE releases SET processes = ? WHERE app = ? AND version = ? AND processes = ?'
          return [sql(update, replaced, app, version ?? null, text)]
        }),
      )
    },
    async forgetImage(app, image) {
      await db.batch([sql('DELETE FROM images WHERE app = ? AND image = ?', app, image)])
    },
    async outlines(app) {
      const columns = 'app, version, state, "commit", build, processes'
      const order = 'ORDER BY app, version DESC'
      const rows = app
        ? await db.query(`SELECT ${columns} FROM releases WHERE app = ? ${order}`, [app])
        : await db.query(`SELECT ${columns} FROM releases ${order}`)
      return rows.map(outline)
    },
    async forget(app, versions) {
      const forget = `DELETE FROM releases WHERE app = ? AND version IN (SELECT value FROM json_each(?)) AND state = 'served'
        AND version <> (SELECT max(version) FROM releases WHERE app = ?)
        AND version NOT IN (SELECT release FROM apps WHERE id = ? AND release IS NOT NULL)`
      await db.batch([sql(forget, app, JSON.stringify(versions), app, app)])
    },
  }
}

function outline(row: Result['rows'][number]): ReleaseOutline {
  const processes: Release['processes'] = JSON.parse(String(row.processes))
  return {
    app: String(row.app),
    version: Number(row.version),
    served: row.state === 'served',
    commit: String(row.commit),
    build: row.build as number | null,
    images: [...new Set(Object.values(processes).map(({ image }) => image))],
  }
}

function withImages(processes: Release['processes'], images: Readonly<Record<string, string>>): string {
  const entries = Object.entries(processes).map(([type, process]) => {
    return [type, { ...process, image: images[process.image] ?? process.image }]
  })
  return JSON.stringify(Object.fromEntries(entries))
}

/** Not the version: it is only known once the row is there. */
function owner(app: string): string {
  return `config of a release of ${app}`
}

function fromRow(row: Result['rows'][number], secrets: Secrets): Release {
  const app = String(row.app)
  return {
    app,
    version: Number(row.version),
    commit: String(row.commit),
    tree: String(row.tree),
    build: row.build as number | null,
    processes: JSON.parse(String(row.processes)),
    hardened: row.hardened === 1,
    checks: JSON.parse(String(row.checks)),
    config: JSON.parse(secrets.open(String(row.config), owner(app))),
    attachments: JSON.parse(String(row.attachments)),
    links: JSON.parse(String(row.links)),
    description: String(row.description),
    createdAt: String(row.created_at),
    createdBy: String(row.created_by),
  }
}
