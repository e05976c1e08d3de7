/** What the store of the test system has: the store itself is asked, not the kernel that may be wrong about it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { System } from './system.ts'

export type Row = Readonly<Record<string, string | number | null>>

export async function stored(system: Pick<System, 'home' | 'rqlitePort'>, question: string): Promise<Row[]> {
  const auth = await readFile(join(system.home, 'keys/rqlite'), 'utf8').catch(() => null)
  return auth === null ? ofSqlite(system.home, question) : ofRqlite(system.rqlitePort, auth.trim(), question)
}

function ofSqlite(home: string, question: string): Row[] {
  using db = new DatabaseSync(join(home, 'state/megapolos.sqlite'), { readOnly: true })
  return db.prepare(question).all() as Row[]
}

async function ofRqlite(port: number, auth: string, question: string): Promise<Row[]> {
  const url = `http://127.0.0.1:${port}/db/query?associative&q=${encodeURIComponent(question)}`
  const answer = await fetch(url, { headers: { authorization: `Basic ${Buffer.from(auth).toString('base64')}` } })
  const [result] = ((await answer.json()) as { results: { rows?: Row[]; error?: string }[] }).results
  if (!result || result.error) throw new Error(`${question}: ${result?.error}`)
  return result.rows ?? []
}
