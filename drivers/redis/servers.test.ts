/** What is special to Redis: every database is a server, keys expire, and a login shares its server with nobody. */
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DatabaseDriver } from '../../server/devices/classes/database.ts'
import type { DriverHost } from '../../server/devices/driver.ts'
import { hostsForTest, type TestHosts } from '../../test/device-hosts.ts'
import { createDriver } from './index.ts'

const never = new AbortController().signal
let hosts: TestHosts
let host: DriverHost
let driver: DatabaseDriver
const clients: Redis[] = []

beforeAll(async () => {
  hosts = await hostsForTest('tredissr', '10.113.48.0/20')
  host = await hosts.host('redis')
  driver = createDriver(host)
  await driver.install({ version: null, as: 'container', memory: 128 }, () => {})
}, 240_000)

afterAll(async () => {
  for (const client of clients) client.disconnect()
  await driver?.uninstall()
  await hosts?.close()
}, 60_000)

test.each([
  ['CONFIG', 'SET', 'maxmemory', '0'],
  ['ACL', 'SETUSER', 'thief', 'on'],
  ['SHUTDOWN', 'NOSAVE'],
  ['REPLICAOF', '192.0.2.1', '6379'],
  ['MIGRATE', '192.0.2.1', '6379', 'key', '0', '100'],
  ['DEBUG', 'SLEEP', '0'],
  ['MODULE', 'LOAD', '/tmp/x.so'],
  ['SYNC'],
])('a login does not come out of its database by %s', async (...words) => {
  const [name = '', ...rest] = words
  await driver.create('blog')
  const client = await enter('blog')
  await expect(client.call(name, ...rest)).rejects.toThrow(/NOPERM|not allowed/)
})

test('all types, all numbered databases and binary keys come back', async () => {
  await driver.create('shop')
  const client = await enter('shop')
  await client.set(Buffer.from([0, 10, 34, 92, 255]), Buffer.from([255, 0]))
  await client.rpush('list', 'b', 'a', 'b')
  await client.sadd('set', ...Array.from({ length: 2000 }, (_, n) => `member ${n}`))
  await client.zadd('sorted', 1.5, 'one', 2, 'two')
  await client.hset('hash', { 'a field': 'value' })
  await client.xadd('stream', '*', 'a', '1')
  await client.select(5)
  await client.set('elsewhere', 'yes')
  const { whole, contents } = await dumped('shop')
  expect(contents.tables.map(({ name, rows }) => [name, rows])).toEqual([
    ['db0', 6],
    ['db5', 1],
  ])
  await driver.create('copy')
  await driver.restore('copy', Readable.from([whole]), never)
  expect(await driver.inspect('copy')).toEqual(contents)
  const copy = await enter('copy')
  expect(await copy.getBuffer(Buffer.from([0, 10, 34, 92, 255]))).toEqual(Buffer.from([255, 0]))
})

test('keys that expire come back, and do not make a copy look different once they are gone', async () => {
  await driver.create('sessions')
  const client = await enter('sessions')
  await client.set('kept', '1')
  await client.set('short', '1', 'PX', 3000)
  await client.set('long', '1', 'EX', 3600)
  const { whole, contents } = await dumped('sessions')
  expect(contents.tables).toMatchObject([{ name: 'db0', rows: 1 }])
  await driver.create('later')
  await driver.restore('later', Readable.from([whole]), never)
  expect(await driver.inspect('later')).toEqual(contents)
  expect(await (await enter('later')).ttl('long')).toBeGreaterThan(3000)
})

test('a server that cannot load what was restored begins empty, with its logins', async () => {
  await driver.create('broken')
  await enter('broken')
  const files = await host.containers.exec('broken', { command: ['tee', '/data/restored.rdb'] })
  files.stdin.end('REDIS0010 and then nothing of the kind')
  files.stdout.resume()
  await files.ended
  await driver.restart()
  expect(await driver.inspect('broken')).toEqual({ tables: [], definitions: [] })
  expect(await driver.logins('broken')).toEqual(['broken'])
})

test('a write is refused when the memory of the database is full, and the others go on', async () => {
  await driver.create('full')
  const client = await enter('full')
  const fill = async () => {
    for (let n = 0; n < 100; n++) await client.set(`block ${n}`, 'x'.repeat(1024 * 1024))
  }
  await expect(fill()).rejects.toThrow('OOM')
  expect(await (await enter('blog')).ping()).toBe('PONG')
  expect((await driver.status()).running).toBe(true)
})

test('nothing of the counting is left', async () => {
  expect((await host.containers.list()).filter((name) => name.includes('-'))).toEqual([])
})

async function enter(database: string): Promise<Redis> {
  const login = { user: database, password: `planted_${database}` }
  const { host: address, port } = await driver.grant(database, login)
  const client = new Redis({ host: address, port, username: login.user, password: login.password })
  client.on('error', () => {})
  clients.push(client)
  return client
}

async function dumped(database: string) {
  const { bytes, contents } = await driver.dump(database, never)
  return { whole: await buffer(bytes), contents: await contents }
}
