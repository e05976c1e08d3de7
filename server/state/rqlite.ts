/** The store as rqlite: SQLite behind HTTP on loopback, replicated where there are several nodes. */
import { createReadStream, createWriteStream } from 'node:fs'
import { Agent } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { UserError } from '../errors.ts'
import { writeBackup } from './backup-file.ts'
import { constraintError } from './constraint.ts'
import type { Database, Result, Statement, Value } from './database.ts'
import { type RqliteOptions, type RqliteRequest, rqliteHttp, unavailable } from './rqlite-http.ts'
import { checkStatements } from './statements.ts'

const deadline = 10_000
/** A backup or a restore of a large store takes as long as the disk needs. */
const fileDeadline = 600_000

export function openRqlite(options: RqliteOptions): Database {
  const agent = new Agent({ keepAlive: true, maxSockets: 8, maxFreeSockets: 2, scheduling: 'lifo' })
  const send = (request: RqliteRequest) => rqliteHttp(options, agent, request)
  const call = async (path: string, statements: readonly Statement[]) => {
    checkStatements(statements)
    const body = JSON.stringify(statements.map(({ sql, values }) => [sql, ...values]))
    const results = readAnswer(options.port, await (await send({ path, body, deadline })).text())
    checkReturning(statements, results)
    return results
  }

  return {
    async query(sql, values = []) {
      // Linearizable costs no more than a stale read on one node (0.9 ms), and stays right on several.
      const [result] = await call('/db/query?level=linearizable', [{ sql, values }])
      return result?.rows ?? []
    },
    async batch(statements) {
      if (statements.length === 0) return []
      // Only `request` returns rows, and only `execute` undoes the others when a statement cannot even be prepared.
      return call(statements.length === 1 ? '/db/request?transaction' : '/db/execute?transaction', statements)
    },
    backup(path) {
      return writeBackup(path, async () => {
        const answer = await send({ path: '/db/backup', deadline: fileDeadline })
        await pipeline(answer.stream, createWriteStream(path, { flags: 'r+' }))
      })
    },
    async restore(path) {
      const answer = await send({ path: '/db/load', body: createReadStream(path), deadline: fileDeadline })
      const problem = (await answer.text()).trim()
      if (problem.includes('error')) throw new Error(`rqlite refused the backup: ${problem}`)
    },
    async close() {
      agent.destroy()
    },
  }
}

/** Not the "associative" form: it repeats every column name in every row, and takes half as long again. */
interface Answer {
  readonly error?: string
  readonly results?: readonly {
    readonly error?: string
    /** There only when the statement returns rows. */
    readonly columns?: readonly string[]
    readonly values?: readonly (readonly Value[])[]
    /** Left out when it is 0. */
    readonly rows_affected?: number
  }[]
}

interface RqliteResult extends Result {
  readonly returned: boolean
}

const returning = /\bRETURNING\b/i

/** A statement that failed comes back with status 200. */
function readAnswer(port: number, text: string): RqliteResult[] {
  const { error, results = [] } = JSON.parse(text) as Answer
  if (error) throw failure(port, error)
  return results.map(({ error, columns, values = [], rows_affected }) => {
    if (error) throw failure(port, error)
    const rows = values.map((row) => Object.fromEntries((columns ?? []).map((name, i) => [name, row[i] ?? null])))
    return { rows, changes: rows_affected ?? rows.length, returned: columns !== undefined }
  })
}

/**
 * rqlite finds RETURNING with a parser of its own. Where that does not follow (`IN (SELECT …)` inside an INSERT) the
 * rows are left out without a word: a statement to be written in another way.
 */
function checkReturning(statements: readonly Statement[], results: readonly RqliteResult[]): void {
  const lost = statements.find(({ sql }, index) => returning.test(sql) && !results[index]?.returned)
  if (lost) throw new Error(`rqlite left out the rows that this statement returned: ${lost.sql}`)
}

const outage = /leader|not open|timeout|deadline|stale read/i

function failure(port: number, message: string): Error {
  if (/disk is full|no space/i.test(message)) {
    return new UserError('unavailable', 'The store (rqlite) cannot write: the disk is full.')
  }
  const constraint = constraintError(message)
  if (constraint) return constraint
  return outage.test(message) ? unavailable(port, message) : new Error(`rqlite: ${message}`)
}
