/** What both databases must do alike, whatever the schema. */
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, sql } from './database.ts'
import { type Migration, migrate } from './migrate.ts'
import { answers } from './open.ts'
import { openRqlite } from './rqlite.ts'
import { openSqlite } from './sqlite.ts'
import { type Rqlited, startRqlited, testFolder } from './stores-for-test.ts'

describe.each(['sqlite', 'rqlite'] as const)('%s', (kind) => {
  const folder = testFolder()
  let rqlited: Rqlited | null = null
  let db: Database

  beforeAll(async () => {
    rqlited = kind === 'rqlite' ? await startRqlited(folder) : null
    db = rqlited ? openRqlite(rqlited) : openSqlite(join(folder, 'db.sqlite'))
    await answers(db, 15_000)
    await db.batch([
      sql('CREATE TABLE parents (id TEXT NOT NULL PRIMARY KEY, n INTEGER CHECK (n > 0)) STRICT'),
      sql('CREATE TABLE children (id INTEGER PRIMARY KEY, parent TEXT NOT NULL REFERENCES parents (id)) STRICT'),
    ])
  })
  afterAll(async () => {
    await db.close()
    await rqlited?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const ids = async () => (await db.query('SELECT id FROM parents ORDER BY id')).map(({ id }) => id)
  const insert = 'INSERT INTO parents (id, n) VALUES (?, ?)'

  test('each kind of constraint refuses the whole batch and says which column it can', async () => {
    await db.batch([sql(insert, 'a', 1)])
    const refused = [
      [sql(insert, 'a', 2), { name: 'ConstraintError', kind: 'unique', column: 'parents.id' }],
      [sql(insert, 'b', 0), { kind: 'check', column: null }],
      [sql(insert, null, 1), { kind: 'not-null', column: 'parents.id' }],
      [sql('INSERT INTO children (parent) VALUES (?)', 'nobody'), { kind: 'foreign-key', column: null }],
    ] as const
    for (const [statement, error] of refused) {
      await expect(db.batch([sql(insert, 'z', 1), statement, sql(insert, 'y', 1)])).rejects.toMatchObject(error)
      await expect(db.batch([statement])).rejects.toMatchObject(error)
    }
    expect(await ids()).toEqual(['a'])
  })

  test('changes counts the rows of each statement', async () => {
    const results = await db.batch([
      sql(insert, 'b', 1),
      sql('UPDATE parents SET n = 2'),
      sql('DELETE FROM parents WHERE id = ?', 'nobody'),
    ])
    expect(results.map(({ changes }) => changes)).toEqual([1, 2, 0])
    expect(await db.batch([sql('DELETE FROM parents WHERE id = ?', 'nobody')])).toEqual([
      expect.objectContaining({ changes: 0 }),
    ])
    expect(await db.batch([])).toEqual([])
  })

  test('RETURNING gives rows in a batch of one, and is refused in a longer one', async () => {
    const [result] = await db.batch([sql(`${insert} RETURNING id, n`, 'c', null)])
    expect(result).toMatchObject({ rows: [{ id: 'c', n: null }], changes: 1 })
    for (const rows of [sql(`${insert} RETURNING id`, 'e', 0), sql('SELECT 1')]) {
      await expect(db.batch([sql(insert, 'd', 1), rows])).rejects.toThrow('batch of one')
    }
    expect(await ids()).not.toContain('d')
  })

  test('values travel unchanged', async () => {
    const text = `"quoted" 'single' \\ \n ü € 𝄞 ; -- no comment`
    await db.batch([sql(insert, text, 9_007_199_254_740_991)])
    expect(await db.query('SELECT id, n FROM parents WHERE id = ?', [text])).toEqual([
      { id: text, n: 9_007_199_254_740_991 },
    ])
    await db.batch([sql('DELETE FROM parents WHERE id = ?', text)])
  })

  test('transaction control never reaches the store', async () => {
    for (const word of [
      'BEGIN',
      ' begin immediate',
      '-- x\nCOMMIT',
      '/* x */ rollback',
      'SAVEPOINT a',
      'RELEASE a',
      'END',
      'VACUUM',
    ]) {
      await expect(db.query(word)).rejects.toThrow('a batch is the only transaction')
      await expect(db.batch([sql(word)])).rejects.toThrow('a batch is the only transaction')
    }
    await db.batch([sql(insert, 'after', 1)])
    expect(await ids()).toContain('after')
  })

  test('a statement that is wrong is an error, and nothing of its batch is done', async () => {
    await expect(db.query('SELECT * FROM nowhere')).rejects.toThrow('nowhere')
    await expect(db.batch([sql(insert, 'f', 1), sql('INSERT INTO nowhere VALUES (1)')])).rejects.toThrow('nowhere')
    expect(await ids()).not.toContain('f')
  })

  test('a backup is one private file, and brings back everything as it was', async () => {
    const path = join(folder, 'backup')
    const before = await ids()
    await db.backup(path)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(existsSync(`${path}-wal`)).toBe(false)
    await db.batch([sql('DELETE FROM parents'), sql(insert, 'new', 1)])
    await db.restore(path)
    expect(await ids()).toEqual(before)
    await expect(db.batch([sql('INSERT INTO children (parent) VALUES (?)', 'nobody')])).rejects.toMatchObject({
      kind: 'foreign-key',
    })
    await expect(db.backup(path)).rejects.toMatchObject({ code: 'conflict' })
  })

  describe('migrations', () => {
    const first: Migration = {
      name: '0001_first',
      script:
        "-- A table; with a semicolon.\nCREATE TABLE things (id TEXT NOT NULL PRIMARY KEY DEFAULT 'a;b') STRICT;\n",
    }
    const second: Migration = {
      name: '0002_second',
      script: 'ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 1; UPDATE things SET size = 2;',
    }
    const broken: Migration = {
      name: '0003_broken',
      script: 'ALTER TABLE things ADD COLUMN colour TEXT; DELETE FROM things; INSERT INTO nowhere VALUES (1);',
    }

    test('an older schema with rows in it is upgraded, once', async () => {
      await migrate(db, [first])
      await db.batch([sql('INSERT INTO things DEFAULT VALUES')])
      await migrate(db, [first, second])
      await migrate(db, [first, second])
      expect(await db.query('SELECT * FROM things')).toEqual([{ id: 'a;b', size: 2 }])
    })

    test('a migration that fails half-way leaves nothing', async () => {
      await expect(migrate(db, [first, second, broken])).rejects.toThrow('nowhere')
      expect(await db.query('SELECT * FROM things')).toEqual([{ id: 'a;b', size: 2 }])
      expect(await db.query('SELECT name FROM migrations ORDER BY name')).toHaveLength(2)
    })

    test('a schema that is newer than the program is refused', async () => {
      await expect(migrate(db, [first])).rejects.toMatchObject({
        code: 'conflict',
        message: 'The store was written by a newer MegapolOS (0002_second); this one knows it up to 0001_first.',
      })
    })

    test('a migration that was changed after it was applied is refused', async () => {
      const changed = { ...second, script: `${second.script}\n-- changed` }
      await expect(migrate(db, [first, changed])).rejects.toMatchObject({ code: 'conflict', message: /0002_second/ })
    })
  })

  if (kind === 'sqlite') {
    test('what is no database is refused by name', async () => {
      const path = join(folder, 'text')
      writeFileSync(path, 'not a database, but quite long enough to be taken for one by its size alone')
      expect(() => openSqlite(path)).toThrow('not a database')
      expect(() => openSqlite(join(path, 'db'))).toThrow('EEXIST')
    })
  }

  if (kind === 'rqlite') {
    test('while rqlite is killed calls say unavailable; afterwards they work again by themselves', async () => {
      const server = rqlited as Rqlited
      const before = await ids()
      await server.kill()
      const answer = { code: 'unavailable', message: `The store (rqlite) does not answer on 127.0.0.1:${server.port}.` }
      await expect(db.query('SELECT 1')).rejects.toMatchObject(answer)
      await expect(db.batch([sql(insert, 'lost', 1)])).rejects.toMatchObject(answer)
      server.start()
      await expect.poll(() => ids().catch(String), { timeout: 15_000 }).toEqual(before)
      await db.batch([sql(insert, 'back', 1)])
    })

    test('a wrong password is said to be one', async () => {
      const { port, user } = rqlited as Rqlited
      const stranger = openRqlite({ port, user, password: 'wrong' })
      await expect(stranger.query('SELECT 1')).rejects.toMatchObject({
        code: 'forbidden',
        message: /password of megapolos/,
      })
      await stranger.close()
    })
  }
})
