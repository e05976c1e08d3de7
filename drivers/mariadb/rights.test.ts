/** What MariaDB makes easy to get wrong: who made a view, what `_` means in a grant, and what a dump may say. */
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DatabaseDriver } from '../../server/devices/classes/database.ts'
import type { DriverHost } from '../../server/devices/driver.ts'
import { hostsForTest, type TestHosts } from '../../test/device-hosts.ts'
import { createDriver } from './index.ts'

const never = new AbortController().signal
let hosts: TestHosts
let host: DriverHost
let driver: DatabaseDriver
const connections: Connection[] = []

beforeAll(async () => {
  hosts = await hostsForTest('tmariarg', '10.113.32.0/20')
  host = await hosts.host('maria')
  driver = createDriver(host)
  await driver.install({ version: null, as: 'container', memory: 256 }, () => {})
}, 240_000)

afterAll(async () => {
  for (const connection of connections) connection.destroy()
  await driver?.uninstall()
  await hosts?.close()
}, 60_000)

test('what a login made works on when it is gone, and another login can replace it', async () => {
  await driver.create('blog')
  const first = await enter('blog', 'first')
  for (const statement of everyKind) await first.query(statement)
  const second = await enter('blog', 'second')
  await driver.revoke('blog', 'first')
  expect(await driver.logins('blog')).toEqual(['second'])

  await second.query("INSERT INTO posts (title) VALUES ('one')")
  expect(await rows(second, 'SELECT title, letters FROM loud_posts')).toEqual([{ title: 'ONE', letters: 3 }])
  expect(await rows(second, 'SELECT next_number() AS number')).toEqual([{ number: 1 }])
  await second.query('CREATE OR REPLACE VIEW loud_posts AS SELECT 1 AS one')
  await second.query('DROP FUNCTION next_number')
})

test('everything comes back in another database, and belongs to nobody of the old one', async () => {
  await driver.create('shop')
  const seller = await enter('shop', 'seller')
  for (const statement of everyKind) await seller.query(statement)
  await seller.query("INSERT INTO posts (title) VALUES ('one'), ('two'), (NULL)")
  const { bytes, contents } = await driver.dump('shop', never)
  const whole = await buffer(bytes)
  await driver.create('copy')
  await driver.restore('copy', Readable.from([whole]), never)
  expect(await driver.inspect('copy')).toEqual(await contents)
  for (const kind of ['table', 'view', 'sequence', 'procedure', 'function', 'trigger', 'event']) {
    expect((await contents).definitions.join('\n')).toMatch(new RegExp(`^${kind} `, 'm'))
  }

  await driver.drop('shop')
  const reader = await enter('copy', 'reader')
  expect(await rows(reader, 'SELECT COUNT(*) AS posts FROM loud_posts')).toEqual([{ posts: 3 }])
  await reader.query("INSERT INTO posts (title) VALUES ('three')")
})

test('a name with _ in it opens no other database', async () => {
  await driver.create('a_b')
  await driver.create('axb')
  const mine = await enter('a_b', 'underscore')
  await mine.query('CREATE TABLE mine (a INT)')
  await expect(mine.query('CREATE TABLE axb.theirs (a INT)')).rejects.toThrow('denied')
  expect(await driver.logins('axb')).toEqual([])
})

test.each([
  ['makes logins', "CREATE USER thief IDENTIFIED BY 'x';"],
  ['reads other databases', 'CREATE TABLE stolen AS SELECT * FROM mysql.global_priv;'],
  ['writes into another one', 'CREATE TABLE axb.planted (a INT);'],
  ['writes files', "SELECT 'x' INTO OUTFILE '/tmp/planted';"],
  ['makes somebody else do it', 'CREATE DEFINER=mysql@localhost PROCEDURE p() SELECT 1;'],
  ['runs programs', '\\! touch /tmp/planted'],
  ['reads files', 'source /etc/passwd'],
])('a dump that %s is refused, and nothing of it stays', async (_, statement) => {
  await driver.create('victim')
  await driver.create('axb')
  const text = `CREATE TABLE good (a INT);\n${statement}\n\n-- Dump completed\n`
  await expect(driver.restore('victim', Readable.from([Buffer.from(text)]), never)).rejects.toMatchObject({
    code: 'refused',
  })
  expect(await driver.inspect('victim')).toEqual({ tables: [], definitions: [] })
  const exec = await host.containers.exec('server', { command: ['test', '-e', '/tmp/planted'] })
  exec.stdout.resume()
  expect((await exec.ended).code).toBe(1)
})

test('a server that is there already is adopted, used, and only forgotten', async () => {
  const admin = await host.containers.exec('server', {
    command: ['mariadb', '--no-defaults', '-S', '/tmp/mariadb.sock'],
  })
  admin.stdin.end("CREATE USER boss IDENTIFIED BY 'planted_boss'; GRANT ALL ON *.* TO boss WITH GRANT OPTION;")
  admin.stdout.resume()
  expect((await admin.ended).code).toBe(0)
  const { host: address, port } = await host.network.endpoint('server', 3306)

  const adopted = createDriver(await hosts.host('adopted'))
  const settings = { host: address, port: String(port), user: 'boss', password: 'planted_boss' }
  await expect(adopted.adopt({ ...settings, password: 'wrong' }, () => {})).rejects.toMatchObject({ code: 'refused' })
  await adopted.adopt(settings, () => {})
  await adopted.create('guest')
  const reach = await adopted.grant('guest', { user: 'guest', password: 'x' })
  expect(reach).toEqual({ host: address, port, database: 'guest' })
  const { bytes, contents } = await adopted.dump('guest', never)
  const whole = await buffer(bytes)
  await adopted.create('guest2')
  await adopted.restore('guest2', Readable.from([whole]), never)
  expect(await adopted.inspect('guest2')).toEqual(await contents)
  await adopted.drop('guest2')
  await adopted.uninstall()
  expect(await driver.list()).toContain('guest')
}, 120_000)

const everyKind = [
  'CREATE TABLE posts (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50), letters INT AS (LENGTH(title)) STORED, KEY (title))',
  'CREATE TABLE notes (post INT, FOREIGN KEY (post) REFERENCES posts (id), at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6))',
  'CREATE TRIGGER loud BEFORE INSERT ON posts FOR EACH ROW SET NEW.title = UPPER(NEW.title)',
  'CREATE VIEW loud_posts AS SELECT title, letters FROM posts',
  'CREATE SEQUENCE numbers',
  'CREATE FUNCTION next_number() RETURNS INT RETURN NEXTVAL(numbers)',
  "CREATE PROCEDURE tell() BEGIN\n  SELECT 'a\\nb', `title` FROM posts; -- with a comment\nEND",
  'CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM notes',
]

async function enter(database: string, user: string): Promise<Connection> {
  const login = { user, password: `planted_${user}` }
  const { host: address, port } = await driver.grant(database, login)
  const ssl = { rejectUnauthorized: false }
  const connection = await createConnection({ host: address, port, database, ssl, ...login })
  connection.on('error', () => {})
  connections.push(connection)
  return connection
}

async function rows(connection: Connection, statement: string) {
  return (await connection.query<RowDataPacket[]>(statement))[0]
}
