import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DatabaseDriver } from '../../server/devices/classes/database.ts'
import { hostsForTest, type TestHosts } from '../../test/device-hosts.ts'
import { type DriverHouse, driverHouse } from '../../test/driver-house.ts'

// The driver in its real container, and the memcacheds that it makes in theirs.
let hosts: TestHosts
let house: DriverHouse
let driver: DatabaseDriver

beforeAll(async () => {
  hosts = await hostsForTest('tmemc', '10.114.0.0/20')
  const host = await hosts.host('cache', { settings: { memory: 16 } })
  house = await driverHouse('tmemc', (packages) =>
    host.containers.image({ hub: null, debian: { packages, lines: [] } }, () => {}),
  )
  await house.addFolder(import.meta.dirname)
  driver = house.load('memcached', host)
}, 240_000)
afterAll(async () => {
  await house?.close()
  await hosts?.close()
})

const login = { user: 'blog_1', password: 'unused' }

/** What the server at this address answers to these lines. */
async function ask(to: { readonly host: string; readonly port: number }, lines: string): Promise<string> {
  const socket = connect(to)
  socket.write(`${lines}quit\r\n`)
  let said = ''
  socket.setEncoding('utf8').on('data', (text) => (said += text))
  await once(socket, 'close')
  return said
}

test('a cache is made, used at its address, and gone with what it held', { timeout: 240_000 }, async () => {
  const lines: string[] = []
  await driver.install({ version: null, as: 'container', memory: 16 }, (line) => lines.push(line))
  expect(await driver.status()).toEqual({ running: true, version: null, problem: null })

  await driver.create('blog')
  await driver.create('blog')
  const reach = await driver.grant('blog', login)
  expect(reach).toEqual({ host: expect.stringMatching(/^10\.114\./), port: 11211, database: 'blog' })
  await expect
    .poll(() => ask(reach, 'set a 0 0 1\r\nx\r\nget a\r\n').catch(() => ''), { timeout: 10_000 })
    .toBe('STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n')
  expect((await driver.status()).version).toMatch(/^1\./)
  expect(await driver.logins('blog')).toEqual(['blog_1'])

  await driver.revoke('blog', 'blog_1')
  await driver.revoke('blog', 'blog_1')
  expect(await driver.logins('blog')).toEqual([])
  await driver.drop('blog')
  await driver.drop('blog')
  expect(await driver.list()).toEqual([])
})

test('two caches are two servers: neither sees what is in the other', { timeout: 60_000 }, async () => {
  await driver.create('blog')
  await driver.create('shop')
  expect(await driver.list()).toEqual(['blog', 'shop'])
  const [blog, shop] = [await driver.grant('blog', login), await driver.grant('shop', login)]
  expect(blog.host).not.toBe(shop.host)
  await expect.poll(() => ask(blog, 'set a 0 0 1\r\nx\r\n').catch(() => ''), { timeout: 10_000 }).toBe('STORED\r\n')
  await expect.poll(() => ask(shop, 'get a\r\n').catch(() => ''), { timeout: 10_000 }).toBe('END\r\n')
  await driver.uninstall()
  expect(await driver.list()).toEqual([])
})

test('a backup of a cache is refused in one sentence', async () => {
  const { signal } = new AbortController()
  await expect(driver.dump('blog', signal)).rejects.toMatchObject({
    code: 'refused',
    message: 'memcached is a cache: what it holds is not backed up.',
    hint: 'Keep what must stay in a database.',
  })
})
