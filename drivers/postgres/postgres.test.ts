/** What only PostgreSQL has, on the real server. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DatabaseDriver } from '../../server/devices/classes/database.ts'
import { run } from '../shared/client.ts'
import type { ServerForTest } from '../shared/server-for-test.ts'
import { connect } from './client-for-test.ts'
import { createDriver } from './index.ts'
import { makePostgres } from './postgres-for-test.ts'

const signal = new AbortController().signal
let postgres: ServerForTest
let driver: DatabaseDriver

beforeAll(async () => {
  postgres = await makePostgres('container', { system: 'tpgs', pool: '10.112.64.0/20' })
  driver = postgres.driver
}, 240_000)
afterAll(() => postgres?.remove())

/** A statement as the superuser, on the server itself. */
async function asAdmin(statement: string, database = 'postgres') {
  const command = ['psql', '-XAtq', '-h', '/var/lib/megapolos', '-U', 'postgres', '-d', database]
  const exec = (options: Parameters<typeof postgres.host.containers.exec>[1]) =>
    postgres.host.containers.exec('server', { ...options, user: 'postgres' })
  return run(exec, { command }, statement)
}

async function enter(database: string, user: string) {
  await driver.create(database)
  const login = { user, password: `password_of_${user}` }
  return { login, connection: await connect(await driver.grant(database, login), login) }
}

async function dumped(database: string) {
  const dump = await driver.dump(database, signal)
  const bytes = Buffer.concat(await Array.fromAsync(dump.bytes as AsyncIterable<Buffer>))
  return { bytes, contents: await dump.contents }
}

describe('a dump', () => {
  test('brings back all kinds of things that PostgreSQL has, and the contents see each of them', async () => {
    const { connection } = await enter('rich', 'rich_app')
    await connection.query(await readFile(join(import.meta.dirname, 'fixture/rich.sql'), 'utf8'))
    const { bytes, contents } = await dumped('rich')
    await driver.create('copy')
    await driver.restore('copy', Readable.from([bytes]), signal)
    expect(await driver.inspect('copy')).toEqual(contents)

    await connection.query('RESET search_path')
    let before = contents
    for (const change of changes) {
      await connection.query(change)
      const now = await driver.inspect('rich')
      expect([change, now]).not.toEqual([change, before])
      before = now
    }
    await connection.end()
  }, 120_000)

  test('has the values of sequences that were given out while it was made', async () => {
    const { connection } = await enter('numbers', 'numbers_app')
    await connection.query(
      'CREATE SEQUENCE invoice; CREATE TABLE big AS SELECT n, md5(n::text) FROM generate_series(1, 200000) n',
    )
    let isDone = false
    const taking = (async () => {
      while (!isDone) await connection.query("SELECT nextval('invoice')")
    })()
    const { bytes, contents } = await dumped('numbers')
    isDone = true
    await taking
    await driver.create('numbers_copy')
    await driver.restore('numbers_copy', Readable.from([bytes]), signal)
    expect(await driver.inspect('numbers_copy')).toEqual(contents)
    await connection.end()
  }, 60_000)

  test('whose restore would need a superuser is refused with what the server said, and nothing of it stays', async () => {
    const { connection } = await enter('needy', 'needy_app')
    await connection.query('CREATE TABLE kept AS SELECT 1 AS one')
    await asAdmin('CREATE EXTENSION dblink', 'needy')
    const { bytes } = await dumped('needy')
    await driver.create('needy_copy')
    await expect(driver.restore('needy_copy', Readable.from([bytes]), signal)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('dblink'),
    })
    expect(await driver.inspect('needy_copy')).toEqual({ tables: [], definitions: [] })
    expect((await asAdmin("SELECT rolname FROM pg_roles WHERE rolname LIKE '%.restore'")).output).toBe('')
    await connection.end()
  })
})

describe('logins', () => {
  test('what is made after SET ROLE NONE, or DISCARD ALL as poolers do it, is the owner’s by the next rotation', async () => {
    const { connection } = await enter('pooled', 'pooled_1')
    await connection.query('DISCARD ALL')
    await connection.query('CREATE TABLE discarded (a int)')
    await connection.query('SET ROLE NONE')
    await connection.query('CREATE TABLE mine (a int)')
    const next = await enter('pooled', 'pooled_2')
    await next.connection.query('ALTER TABLE mine ADD b int; ALTER TABLE discarded ADD b int')
    await driver.revoke('pooled', 'pooled_1')
    expect((await next.connection.query('SELECT * FROM mine, discarded')).rows).toEqual([])
    await next.connection.end()
  })

  test('no login opens what came with the server, reads another’s statements, runs programs or reads files', async () => {
    const { connection, login } = await enter('plain', 'plain_app')
    const reach = await driver.grant('plain', login)
    for (const database of ['postgres', 'template1']) {
      await expect(connect({ ...reach, database }, login)).rejects.toThrow(/permission denied/)
    }
    for (const statement of [
      "COPY (SELECT 1) TO PROGRAM 'id'",
      "SELECT pg_read_file('/etc/passwd')",
      'CREATE ROLE evil',
      'CREATE DATABASE evil',
    ]) {
      await expect(connection.query(statement)).rejects.toThrow(/permission denied|must be superuser/)
    }
    await connection.end()
  })

  test('nobody comes in over the network as the superuser, whatever its password', async () => {
    await asAdmin("ALTER ROLE postgres PASSWORD 'guessed'")
    const reach = await driver.grant('plain', { user: 'plain_app', password: 'password_of_plain_app' })
    await expect(connect(reach, { user: 'postgres', password: 'guessed' })).rejects.toThrow(/pg_hba/)
    await asAdmin('ALTER ROLE postgres PASSWORD NULL')
  })

  test('a role of the server that is not of this database is not given away', async () => {
    await asAdmin('CREATE ROLE boss SUPERUSER')
    const taken = driver.grant('plain', { user: 'boss', password: 'x' })
    await expect(taken).rejects.toMatchObject({ code: 'conflict' })
    await asAdmin('DROP ROLE boss')
  })

  test('connect opens psql as this login', async () => {
    const command = await driver.connect('plain', { user: 'plain_app', password: 'password_of_plain_app' })
    if (command.in !== 'container') throw new Error('it is elsewhere')
    const program = await postgres.host.containers.exec(command.container, command.exec)
    program.stdin.end('SELECT session_user;')
    expect(await text(program.stdout)).toContain('plain_app')
  })
})

describe('the server', () => {
  test('speaks TLS, and keeps its data on the volume when its container is gone', async () => {
    const { connection, login } = await enter('lasting', 'lasting_app')
    const tls =
      "SELECT DISTINCT version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'lasting_app'"
    expect((await asAdmin(tls)).output).toMatch(/^TLSv1\.[23]\n$/)
    await connection.query('CREATE TABLE kept AS SELECT 42 AS answer')
    await connection.end()
    await postgres.host.containers.remove('server')
    expect(await driver.status()).toMatchObject({ running: false, problem: 'Its container is not there.' })
    await postgres.install()
    const again = await connect(await driver.grant('lasting', login), login)
    expect((await again.query('SELECT answer FROM kept')).rows).toEqual([{ answer: 42 }])
    await again.end()
  }, 60_000)

  test('dropped a database only half when it died: the same drop finishes it, and so does making it anew', async () => {
    for (const call of ['drop', 'create'] as const) {
      await driver.create('half')
      await asAdmin("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'half'")
      await driver[call]('half')
      expect((await driver.list()).includes('half')).toBe(call === 'create')
    }
    const { connection } = await enter('half', 'half_app')
    await connection.end()
  }, 60_000)

  test('is not started on the data of another major version', async () => {
    const other = driver.install({ version: '18', as: 'container', memory: 512 }, () => {})
    await expect(other).rejects.toMatchObject({ code: 'refused' })
    expect((await driver.status()).running).toBe(true)
  })

  test('can be adopted with a superuser’s password, and is only forgotten then', async () => {
    await asAdmin("CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'boss_password'")
    const { host, port } = await postgres.host.network.endpoint('server', 5432)
    const adopter = createDriver(await postgres.another('adopted'))
    const settings = { host, port: String(port), user: 'boss' }
    await expect(adopter.adopt({ ...settings, password: 'wrong' }, () => {})).rejects.toMatchObject({
      code: 'unavailable',
    })
    await adopter.adopt({ ...settings, password: 'boss_password' }, () => {})
    await adopter.create('foreign_home')
    expect(await adopter.status()).toMatchObject({ running: true })
    const login = { user: 'guest', password: 'guest_password' }
    const connection = await connect(await adopter.grant('foreign_home', login), login)
    await connection.query('CREATE TABLE kept AS SELECT 1 AS one')
    await connection.end()
    const dump = await adopter.dump('foreign_home', signal)
    await adopter.create('foreign_copy')
    await adopter.restore('foreign_copy', dump.bytes, signal)
    expect(await adopter.inspect('foreign_copy')).toEqual(await dump.contents)
    await expect(adopter.restart()).rejects.toMatchObject({ code: 'refused' })
    await adopter.uninstall()
    expect(await driver.list()).toContain('foreign_home')
  }, 60_000)
})

const changes = [
  "UPDATE shop.users SET name = 'other' WHERE id = 1",
  'DELETE FROM shop.inpath; INSERT INTO shop.inpath VALUES (NULL, 1)',
  'DROP INDEX shop.trgm',
  'ALTER TABLE shop.users DROP CONSTRAINT users_status_check',
  'ALTER TABLE shop.users ALTER status DROP DEFAULT',
  'DROP TRIGGER t1 ON shop.users',
  'DROP POLICY pol ON shop.users',
  'DROP VIEW shop.v',
  'DROP MATERIALIZED VIEW mv0',
  'ALTER TABLE shop.users ALTER name TYPE varchar(60)',
  "CREATE OR REPLACE FUNCTION addone(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN i + 2; END'",
  'DROP AGGREGATE mysum(int)',
  "SELECT setval('public.invoice', 1)",
  "ALTER TYPE shop.mood ADD VALUE 'angry'",
  'DROP OPERATOR ===(int, int)',
  'COMMENT ON TABLE shop.users IS NULL',
  'DROP EXTENSION pg_trgm',
  'ALTER TABLE part DETACH PARTITION part1',
  'DROP PUBLICATION pub',
  'SELECT lo_unlink(oid) FROM pg_largeobject_metadata',
]
