/** The access log of the real nginx. */
import { readFile, rename, stat } from 'node:fs/promises'
import { Agent } from 'node:http'
import { dirname } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type App, ask, startApp, until } from '../conformance/proxy-apps.ts'
import { openRaw } from '../conformance/proxy-raw.ts'
import { turnOver } from './access.ts'
import { makeNginx, type Nginx } from './nginx-for-test.ts'

let nginx: Nginx
let app: App

beforeAll(async () => {
  nginx = await makeNginx()
  app = await startApp('one')
  await nginx.driver.install()
  await nginx.start()
  await until(async () => (await nginx.driver.status()).running)
  await nginx.driver.apply({ hosts: { 'a.test': { app: 'app-1', targets: [app.target] } } })
})

afterAll(async () => {
  await app?.stop()
  await nginx?.remove()
})

const textOf = (path: string) => readFile(path, 'utf8').catch(() => '')

async function lines(): Promise<Record<string, unknown>[]> {
  const text = (await textOf(`${nginx.paths.accessLog}.1`)) + (await textOf(nginx.paths.accessLog))
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  return whole
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

async function lineOf(path: string): Promise<Record<string, unknown>> {
  const find = async () => (await lines()).find((line) => line.path === path)
  await until(async () => (await find()) !== undefined)
  return (await find()) as Record<string, unknown>
}

test('a request is a line of JSON: which app, who, what, how it went, and the name that the app was told', async () => {
  const told = JSON.parse((await ask(nginx.port, 'a.test', { path: '/headers/mine?secret=1' })).body)
  expect(await lineOf('/headers/mine')).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/),
    app: 'app-1',
    host: 'a.test',
    method: 'GET',
    path: '/headers/mine',
    status: '200',
    bytes: JSON.stringify(told).length,
    seconds: expect.any(Number),
    peer: '127.0.0.1',
    believed: '',
    request: told['x-request-id'],
  })
  expect(await textOf(nginx.paths.accessLog)).not.toContain('secret')
})

test('what no app has answered is a line too, and hostile bytes keep to their field', async () => {
  await ask(nginx.port, 'nobody.test', { path: '/nobody' })
  expect(await lineOf('/nobody')).toMatchObject({ app: '', host: 'nobody.test', status: '404' })
  await ask(nginx.port, 'a.test', { path: '/%0a%22%1b%5b31m%5c' })
  expect(await lineOf('/\n"\u001b[31m\\')).toMatchObject({ app: 'app-1', status: '200' })
  await (await openRaw(nginx.port, 'GET /old\r\n\r\n')).ended()
  expect(await lineOf('/old')).toMatchObject({ status: expect.stringMatching(/^\d+$/) })
})

test('only root and the workers of nginx reach it', async () => {
  expect((await stat(dirname(nginx.paths.accessLog))).mode & 0o777).toBe(0o710)
})

/** Whether a request is in the file that has the name now: asked again, since each worker opens it when its signal has come. */
async function noted(path: string): Promise<boolean> {
  await ask(nginx.port, 'a.test', { path })
  return (await textOf(nginx.paths.accessLog)).includes(path)
}

test('it is turned over when it is large, under load, and no line is lost', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const paths = Array.from({ length: 800 }, (_, number) => `/turn/${number}`)
  let asked = 0
  const asking = paths.map(async (path) => {
    await ask(nginx.port, 'a.test', { path, agent })
    asked++
  })
  await until(async () => asked > 200)
  await turnOver(nginx.paths, 1)
  await Promise.all(asking)
  agent.destroy()
  await until(async () => (await lines()).filter(({ path }) => String(path).startsWith('/turn/')).length >= 800)
  expect(new Set((await lines()).map(({ path }) => path)).isSupersetOf(new Set(paths))).toBe(true)
  expect((await textOf(`${nginx.paths.accessLog}.1`)).length).toBeGreaterThan(0)
  await until(() => noted('/turned'))
})

test('one that was renamed without nginx being told is opened anew at the next look', async () => {
  await rename(nginx.paths.accessLog, `${nginx.paths.accessLog}.1`)
  await nginx.driver.status()
  await until(async () => (await stat(nginx.paths.accessLog).catch(() => null)) !== null)
  await until(() => noted('/after'))
})
