/** Certificates with their keys, the names that still wait for one, and the apps that want none by itself. */
import type { Certificate, FailedTry, Window } from '../domain/certificate.ts'
import { pairText } from '../domain/certificate.ts'
import { partId } from '../domain/part.ts'
import type { PartId } from '../domain/route.ts'
import { UserError } from '../errors.ts'
import { type Database, type Result, type Statement, sql } from './database.ts'
import { batchOr } from './refusal.ts'
import type { Secrets } from './secrets.ts'

export interface Certificates {
  /** Of all apps and of the server itself, without their texts. */
  list(): Promise<Certificate[]>
  /** PEM, chain and key. Throws `not-found`. */
  pair(part: PartId): Promise<Pair>
  /**
   * In one batch: stores it, takes away those of the same owner and source (issued ones: of any owner) all of whose names it
   * has too, and forgets that these names failed. Returns its part. Throws `not-found` when the app is gone.
   */
  put(certificate: Omit<Certificate, 'part' | 'renewal' | 'askedAt'>, pair: Pair): Promise<PartId>
  remove(app: string | null, parts: readonly PartId[]): Promise<void>
  /** What its issuer said about renewing it. */
  asked(part: PartId, renewal: Window | null, at: string): Promise<void>
  tries(): Promise<FailedTry[]>
  /** In the place of what was known of this name. */
  failed(one: FailedTry): Promise<void>
  forgetTries(hosts: readonly string[]): Promise<void>
  /** Ids of apps whose names get none by themselves. */
  without(): Promise<string[]>
  setWithout(app: string, without: boolean): Promise<void>
}

interface Pair {
  readonly chain: string
  readonly key: string
}

const columns = `part, app, source, device, names, issuer, not_before, not_after, renew_from, renew_until, asked_at`
const insert = `INSERT INTO certificates (part, app, source, device, names, issuer, chain, key, not_before, not_after)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
/** What is issued for a name takes the place of what was issued before, whoever had the name then. */
const outdated = `DELETE FROM certificates WHERE (part = ? AND coalesce(app, '') = ?)
  OR (source = ? AND (source = 'issued' OR coalesce(app, '') = ?) AND NOT EXISTS (
    SELECT 1 FROM json_each(names) AS had WHERE had.value NOT IN (SELECT value FROM json_each(?))))`
const fail = `INSERT INTO certificate_tries (host, attempts, failed_at, next_at, problem, found) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (host) DO UPDATE SET attempts = excluded.attempts, failed_at = excluded.failed_at, next_at = excluded.next_at,
    problem = excluded.problem, found = excluded.found`

export function createCertificates(db: Database, secrets: Secrets): Certificates {
  const forget = (hosts: readonly string[]): Statement =>
    sql('DELETE FROM certificate_tries WHERE host IN (SELECT value FROM json_each(?))', JSON.stringify(hosts))

  return {
    async list() {
      return (await db.query(`SELECT ${columns} FROM certificates ORDER BY id`)).map(certificate)
    },
    async pair(part) {
      const [row] = await db.query('SELECT chain, key FROM certificates WHERE part = ? LIMIT 1', [part])
      if (row) return { chain: String(row.chain), key: secrets.open(String(row.key), owner(part)) }
      throw new UserError('not-found', 'That certificate is not there any more.', 'See them: certs:report')
    },
    async put({ app, source, device, names, issuer, notBefore, notAfter }, pair) {
      const part = partId(pairText(pair))
      const list = JSON.stringify(names)
      const sealed = secrets.seal(pair.key, owner(part))
      const values = [part, app, source, device, list, issuer, pair.chain, sealed, notBefore, notAfter]
      const statements = [
        sql(outdated, part, app ?? '', source, app ?? '', list),
        sql(insert, ...values),
        forget(names),
      ]
      await batchOr(db, statements, () => null)
      return part
    },
    async remove(app, parts) {
      const text = "DELETE FROM certificates WHERE coalesce(app, '') = ? AND part IN (SELECT value FROM json_each(?))"
      await db.batch([sql(text, app ?? '', JSON.stringify(parts))])
    },
    async asked(part, renewal, at) {
      const text = 'UPDATE certificates SET renew_from = ?, renew_until = ?, asked_at = ? WHERE part = ?'
      await db.batch([sql(text, renewal?.from ?? null, renewal?.until ?? null, at, part)])
    },
    async tries() {
      return (await db.query('SELECT * FROM certificate_tries ORDER BY host')).map(failedTry)
    },
    async failed({ host, attempts, failedAt, nextAt, problem, found }) {
      await db.batch([sql(fail, host, attempts, failedAt, nextAt, problem, JSON.stringify(found))])
    },
    async forgetTries(hosts) {
      await db.batch([forget(hosts)])
    },
    async without() {
      return (await db.query('SELECT app FROM apps_without_https')).map(({ app }) => String(app))
    },
    async setWithout(app, without) {
      const text = without
        ? 'INSERT INTO apps_without_https (app) VALUES (?) ON CONFLICT DO NOTHING'
        : 'DELETE FROM apps_without_https WHERE app = ?'
      await batchOr(db, [sql(text, app)], () => null)
    },
  }
}

function owner(part: PartId): string {
  return `certificate ${part}`
}

function certificate(row: Result['rows'][number]): Certificate {
  const window = row.renew_from === null ? null : { from: String(row.renew_from), until: String(row.renew_until) }
  return {
    part: String(row.part),
    app: row.app as string | null,
    source: row.source as Certificate['source'],
    device: row.device as string | null,
    names: JSON.parse(String(row.names)),
    issuer: String(row.issuer),
    notBefore: String(row.not_before),
    notAfter: String(row.not_after),
    renewal: window,
    askedAt: row.asked_at as string | null,
  }
}

function failedTry(row: Result['rows'][number]): FailedTry {
  return {
    host: String(row.host),
    attempts: Number(row.attempts),
    failedAt: String(row.failed_at),
    nextAt: String(row.next_at),
    problem: String(row.problem),
    found: JSON.parse(String(row.found)),
  }
}
