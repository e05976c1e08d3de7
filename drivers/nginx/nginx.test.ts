/** The driver on the real nginx, in folders and on a port of its own. */
import { once } from 'node:events'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ProxyDriver } from '../../server/devices/classes/proxy.ts'
import { createLog } from '../../server/log.ts'
import { proxyConforms } from '../conformance/proxy.ts'
import { ask, openSocket, startApp, until } from '../conformance/proxy-apps.ts'
import { nginxConfig } from './config.ts'
import { createDriver } from './index.ts'
import { makeNginx, type Nginx, system } from './nginx-for-test.ts'

proxyConforms('nginx', makeNginx)

describe('nginx', () => {
  let nginx: Nginx
  let driver: ProxyDriver
  const running = () => until(async () => (await driver.status()).running)

  beforeAll(async () => {
    nginx = await makeNginx()
    driver = nginx.driver
    await driver.install()
    await nginx.start()
    await running()
  })

  afterAll(() => nginx?.remove())

  test('serves on IPv4, and on IPv6 where the kernel has it', async () => {
    const config = await readFile(nginx.paths.config, 'utf8')
    const ipv6 = (await readFile('/proc/net/if_inet6', 'utf8').catch(() => '')) !== ''
    expect(config.includes(`listen [::]:${nginx.port}`)).toBe(ipv6)
    expect((await ask(nginx.port, 'a.test', {})).status).toBe(503)
  })

  test('keeps the last table where only root reads it', async () => {
    await driver.apply({ hosts: { 'a.test': { app: 'a', targets: [] } } })
    expect((await stat(nginx.paths.table)).mode & 0o777).toBe(0o600)
    expect((await stat(dirname(nginx.paths.table))).mode & 0o777).toBe(0o700)
    expect((await stat(dirname(nginx.paths.socket))).mode & 0o777).toBe(0o700)
  })

  test('a reload by hand leaves the control socket and the table', async () => {
    await driver.apply({ hosts: { 'a.test': { app: 'a', targets: [] } } })
    const before = await workersOf(nginx.pid())
    process.kill(nginx.pid(), 'SIGHUP')
    await until(async () => (await workersOf(nginx.pid())).every((worker) => !before.includes(worker)))
    expect(await driver.status()).toMatchObject({ running: true, hosts: 1 })
  })

  test('a master that is killed takes its workers along, so that the next one can have the port', async () => {
    process.kill(nginx.pid(), 'SIGKILL')
    await until(async () => !(await driver.status()).running)
    await nginx.start()
    await running()
    expect((await driver.status()).hosts).toBe(1)
  })

  test('a worker that dies takes along what it had in flight', async () => {
    const app = await startApp('one')
    await driver.apply({ hosts: { 'a.test': { app: 'a', targets: [app.target] } } })
    const asked = ask(nginx.port, 'a.test', { path: '/wait' }).catch((error: Error) => error.message)
    await until(async () => (await driver.inflight([app.target]))[app.target] === 1)
    for (const worker of await workersOf(nginx.pid())) process.kill(worker, 'SIGKILL')
    expect(await asked).toContain('hang up')
    await until(async () => (await driver.inflight([app.target]).catch(() => ({ [app.target]: 1 })))[app.target] === 0)
    expect((await ask(nginx.port, 'a.test', {})).body).toBe('one')
    await app.stop()
  })

  test('of what is in flight only that is forgotten which was the dead worker’s', async () => {
    const app = await startApp('one')
    await driver.apply({ hosts: { 'a.test': { app: 'a', targets: [app.target] } } })
    const inflight = async () => (await driver.inflight([app.target]).catch(() => ({ [app.target]: -1 })))[app.target]
    const open = await Promise.all(Array.from({ length: 24 }, () => openSocket(nginx.port, 'a.test')))
    expect(await inflight()).toBe(24)
    process.kill((await workersOf(nginx.pid()))[0] as number, 'SIGKILL')
    const alive = async () => {
      const words = await Promise.all(open.map((socket) => socket.echo('there?').catch(() => 'gone')))
      return words.filter((word) => word === 'there?').length
    }
    await until(async () => (await alive()) < 24)
    const left = await alive()
    expect(left).toBeGreaterThan(0)
    await until(async () => (await inflight()) === left)
    for (const socket of open) socket.close()
    await until(async () => (await inflight()) === 0)
    await app.stop()
  })

  test('a reload by hand forgets nothing that is in flight', async () => {
    const app = await startApp('one')
    await driver.apply({ hosts: { 'a.test': { app: 'a', targets: [app.target] } } })
    const open = await Promise.all(Array.from({ length: 8 }, () => openSocket(nginx.port, 'a.test')))
    const before = await workersOf(nginx.pid())
    process.kill(nginx.pid(), 'SIGHUP')
    await until(async () => (await workersOf(nginx.pid())).some((worker) => !before.includes(worker)))
    await until(async () => (await ask(nginx.port, 'a.test', {})).body === 'one')
    await until(async () => (await driver.inflight([app.target]))[app.target] === 8)
    for (const socket of open) socket.close()
    await until(async () => (await driver.inflight([app.target]))[app.target] === 0)
    await app.stop()
  })

  test('a target that failed is left alone for a second by all hosts that lead there', async () => {
    const alive = await startApp('alive')
    let tries = 0
    const broken = createServer((socket) => {
      tries += 1
      socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(broken, 'listening')
    const targets = [`127.0.0.1:${(broken.address() as AddressInfo).port}`, alive.target]
    await driver.apply({ hosts: { 'a.test': { app: 'a', targets }, 'b.test': { app: 'a', targets } } })
    // One connection: each worker has its own experience.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const body = async (host: string) => (await ask(nginx.port, host, { agent })).body
    while (tries === 0) expect(await body('a.test')).toBe('alive')
    expect([await body('b.test'), await body('b.test'), tries]).toEqual(['alive', 'alive', 1])
    agent.destroy()
    broken.close()
    await alive.stop()
  })

  test('a body that was on its way when the routes changed goes to the new target', async () => {
    const [old, fresh] = await Promise.all([startApp('old'), startApp('new')])
    await driver.apply({ hosts: { 'a.test': { app: 'a', targets: [old.target] } } })
    const upload = slowUpload(nginx.port)
    await upload.begun
    await driver.apply({ hosts: { 'a.test': { app: 'a', targets: [fresh.target] } } })
    await old.stop()
    expect(await upload.finish()).toContain('new')
    await fresh.stop()
  })

  test('a table that could not be saved is not in use after a restart, and status shows it', async () => {
    await driver.apply({ hosts: { 'old.test': { app: 'a', targets: [] } } })
    // In the way of the file that is written beside the last one.
    await mkdir(`${nginx.paths.table}.new`)
    const mark = await driver.apply({ hosts: { 'a.test': { app: 'a', targets: [] } } })
    expect((await driver.status()).table).toBe(mark)
    await rm(`${nginx.paths.table}.new`, { recursive: true })
    await nginx.kill()
    await nginx.start()
    await running()
    expect(await driver.status()).toMatchObject({ hosts: 0, table: null })
  })

  test('a table of before the last boot is not used: 503 until the kernel has pushed one', async () => {
    await driver.apply({ hosts: { 'a.test': { app: 'a', targets: ['127.0.0.1:1'] } } })
    const [, table] = (await readFile(nginx.paths.table, 'utf8')).split('\n')
    await nginx.kill()
    await writeFile(nginx.paths.table, `00000000-0000-0000-0000-000000000000\n${table}`)
    await nginx.start()
    await running()
    expect((await ask(nginx.port, 'a.test', {})).status).toBe(503)
    expect(await driver.status()).toMatchObject({ hosts: 0, table: null })
  })

  test('a path that nginx could misread is refused', () => {
    const place = { paths: { ...nginx.paths, pid: '/tmp/a"b' }, user: null, ipv6: false }
    expect(() => nginxConfig({ httpPort: 80, httpsPort: null, internal: null, workers: 1 }, place)).toThrow('/tmp/a"b')
  })

  test('a setting that it does not have is refused by name', () => {
    const host = { folder: '/tmp/x', system, settings: { httpPort: 80, colour: 'red' }, log: createLog(() => {}) }
    expect(() => createDriver(host)).toThrow('colour')
  })
})

async function workersOf(master: number): Promise<number[]> {
  const children = await readFile(`/proc/${master}/task/${master}/children`, 'utf8')
  return children.trim().split(' ').map(Number)
}

/** A POST whose body stops half way until `finish`. */
function slowUpload(port: number): { begun: Promise<unknown>; finish(): Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  const begun = new Promise((resolve) =>
    socket.write('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 8\r\nConnection: close\r\n\r\nhalf', resolve),
  )
  return {
    begun,
    async finish() {
      socket.write('half')
      const chunks: Buffer[] = []
      for await (const chunk of socket) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks).toString()
    },
  }
}
