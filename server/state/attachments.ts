/** What ties databases to apps as saved, and the logins of apps, each password sealed for its user. */
import type { Attachment, AttachmentReference, Credential } from '../domain/database.ts'
import { UserError } from '../errors.ts'
import { type Database, type Result, type Statement, sql } from './database.ts'
import { batchOr } from './refusal.ts'
import type { Secrets } from './secrets.ts'
import type { Attachments, Credentials } from './store-attachments.ts'

export function createAttachments(db: Database): Attachments {
  return {
    async list() {
      return (await db.query('SELECT * FROM attachments ORDER BY app, alias')).map(attachment)
    },
    async ofApp(app) {
      return (await db.query('SELECT * FROM attachments WHERE app = ? ORDER BY alias', [app])).map(attachment)
    },
    async replace(app, attachments) {
      const insert = 'INSERT INTO attachments (app, alias, database, env) VALUES (?, ?, ?, ?)'
      const puts = attachments.map(({ alias, database, env }) => sql(insert, app, alias, database, JSON.stringify(env)))
      await batchOr(db, [sql('DELETE FROM attachments WHERE app = ?', app), ...puts], ({ kind }) =>
        kind === 'unique' ? new UserError('conflict', 'Two attachments of the app have the same alias.') : null,
      )
    },
  }
}

export function createCredentials(db: Database, secrets: Secrets): Credentials {
  const credential = (row: Result['rows'][number]): Credential => ({
    user: String(row.user),
    password: secrets.open(String(row.password), owner(String(row.user))),
    database: String(row.database),
    handle: String(row.handle),
    app: String(row.app),
    state: row.state as Credential['state'],
    reach: row.reach === null ? null : JSON.parse(String(row.reach)),
  })

  return {
    async list() {
      return (await db.query('SELECT * FROM credentials ORDER BY user')).map(credential)
    },
    async ofApp(app) {
      return (await db.query('SELECT * FROM credentials WHERE app = ? ORDER BY user', [app])).map(credential)
    },
    async add({ user, password, database, handle, app }) {
      // Only for a database that nobody is about to destroy.
      const insert = `INSERT INTO credentials (user, password, database, handle, app, state)
        SELECT ?, ?, name, ?, ?, 'granting' FROM databases WHERE name = ? AND state <> 'destroying'`
      const statement = sql(insert, user, secrets.seal(password, owner(user)), handle, app, database)
      const [added] = await batchOr(db, [statement], ({ kind }) =>
        kind === 'unique' ? new UserError('conflict', `A login of ${database} is being made already.`) : null,
      )
      if (!added?.changes) throw new UserError('not-found', `The database ${database} is not there any more.`)
    },
    async granted(user, reach) {
      const update = "UPDATE credentials SET reach = ? WHERE user = ? AND state = 'granting'"
      await db.batch([sql(update, JSON.stringify(reach), user)])
    },
    async switched(app) {
      await batchOr(db, switchCredentials(app), () => null)
    },
    async withdraw(app) {
      await db.batch([sql("UPDATE credentials SET state = 'revoking' WHERE app = ? AND state = 'granting'", app)])
    },
    async remove(user) {
      await db.batch([sql("DELETE FROM credentials WHERE user = ? AND state = 'revoking'", user)])
    },
  }
}

/**
 * What is new is used from now on, and what it takes the place of is to be revoked; a database that was created for it
 * is there to stay. In one batch with the moment that the app's new group begins to serve.
 */
export function switchCredentials(app: string): Statement[] {
  const replaced = `UPDATE credentials SET state = 'revoking' WHERE app = ? AND state = 'live' AND database IN (
    SELECT database FROM credentials WHERE app = ? AND state = 'granting' AND reach IS NOT NULL)`
  const used = "UPDATE credentials SET state = 'live' WHERE app = ? AND state = 'granting' AND reach IS NOT NULL"
  const ready = `UPDATE databases SET state = 'ready' WHERE state = 'creating' AND name IN (
    SELECT database FROM credentials WHERE app = ? AND state = 'live')`
  return [sql(replaced, app, app), sql(used, app), sql(ready, app)]
}

/** Logins for databases that this release, which serves from now on, does not use. */
export function revokeUnused(app: string, release: number): Statement {
  const unused = `UPDATE credentials SET state = 'revoking' WHERE app = ? AND state <> 'revoking' AND database NOT IN (
    SELECT json_extract(value, '$.database') FROM releases, json_each(releases.attachments) WHERE app = ? AND version = ?)`
  return sql(unused, app, app, release)
}

function owner(user: string): string {
  return `password of the login ${user}`
}

function attachment(row: Result['rows'][number]): Attachment {
  return {
    app: String(row.app),
    alias: String(row.alias),
    database: String(row.database),
    env: JSON.parse(String(row.env)),
  }
}

/** As a release keeps them. */
export function referencesText(attachments: readonly AttachmentReference[]): string {
  return JSON.stringify(attachments.map(({ alias, database, env }) => ({ alias, database, env })))
}
