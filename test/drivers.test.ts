/** What happens to drivers behind the kernel's back: folders come, change and go, and one of them wants everything. */
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { manifest } from './driver-house.ts'
import { root } from './sources.ts'
import { type System, useSystem } from './system.ts'

let system: System
const names = ['hot', 'torn', 'hostile', 'twin']
beforeAll(async () => {
  system = await useSystem()
}, 600_000)
afterAll(async () => {
  for (const name of names) await rm(join(system.home, 'drivers', name), { recursive: true, force: true })
})

const place = (name: string) => join(system.home, 'drivers', name)

async function list(): Promise<Record<string, string>> {
  const { drivers, broken } = JSON.parse(await system.console('drivers:list', '--format', 'json'))
  return Object.fromEntries([
    ...drivers.map((one: { name: string; version: string; state: string }) => [
      one.name,
      `${one.version} ${one.state}`,
    ]),
    ...broken.map((one: { folder: string; problem: string }) => [one.folder, one.problem]),
  ])
}

/** Milliseconds until the list says this of the driver. */
async function until(name: string, state: unknown): Promise<number> {
  const began = performance.now()
  await expect.poll(async () => (await list())[name], { timeout: 10_000, interval: 50 }).toEqual(state)
  return performance.now() - began
}

test('a folder that is dropped in is a driver within two seconds, changed and gone as fast', {
  timeout: 60_000,
}, async () => {
  // Content that nobody has approved in an earlier run.
  const hot = { ...manifest('hot', []), description: `Made ${Date.now()}` }
  const described = (version: string) =>
    writeFile(join(place('hot'), 'driver.json'), JSON.stringify({ ...hot, version }))
  const times: number[] = []
  // The second time its content was approved already, and that still holds.
  for (const state of ['waits for approval', 'ready']) {
    await mkdir(place('hot'))
    await described('1.0.0')
    times.push(await until('hot', `1.0.0 ${state}`))
    await system.console('drivers:approve', 'hot')
    times.push(await until('hot', '1.0.0 ready'))
    await described('2.0.0')
    times.push(await until('hot', '2.0.0 waits for approval'))
    await rm(place('hot'), { recursive: true })
    times.push(await until('hot', undefined))
  }
  // Asking takes a moment as well.
  expect(Math.max(...times)).toBeLessThan(2500)
  console.info(`noticed after ${times.map(Math.round).join(', ')} ms`)
})

test('a torn manifest is told and harms nobody', { timeout: 60_000 }, async () => {
  const before = await list()
  await mkdir(place('torn'))
  await writeFile(join(place('torn'), 'driver.json'), '{"name": ')
  await until('torn', 'driver.json is not JSON.')
  expect(await list()).toEqual({ ...before, torn: 'driver.json is not JSON.' })
  await system.console('drivers:remove', 'torn')
  expect(await list()).toEqual(before)
})

test('what a hostile driver tried is in the audit log, once a minute for each call', { timeout: 240_000 }, async () => {
  const began = new Date().toISOString()
  const refusals = async () => refusedCalls(await system.console('audit', '--num', '200', '--format', 'json'), began)
  await mkdir(place('hostile'))
  const said = { ...manifest('hostile', []), installs: ['container'] }
  await writeFile(join(place('hostile'), 'driver.json'), JSON.stringify(said))
  for (const file of ['hostile.mjs', 'line.mjs'])
    await cp(join(root, 'test/drivers', file), join(place('hostile'), file))
  await system.console('drivers:approve', 'hostile')
  // Its answers to `drivers:test` do not matter: `list` and `logins` try everything.
  await system.console('drivers:test', 'hostile').catch(() => {})
  const expected = ['containers.ensure', 'network.endpoint', 'node.exec', 'secrets.get', 'secrets.set']
  await expect.poll(refusals, { timeout: 10_000 }).toEqual(expect.arrayContaining(expected))
  const calls = await refusals()
  expect(calls.length).toBe(new Set(calls).size)
  const log = await readFile(join(system.home, 'logs/kernel.log'), 'utf8')
  expect(log).toContain('"event":"driver.refused"')
})

test('a kernel that dies while it tests a driver removes what is left of that at its next start', {
  timeout: 240_000,
}, async () => {
  await cp(join(root, 'drivers/memcached'), place('twin'), { recursive: true })
  const said = JSON.parse(await readFile(join(place('twin'), 'driver.json'), 'utf8'))
  await writeFile(join(place('twin'), 'driver.json'), JSON.stringify({ ...said, name: 'twin' }))
  await system.console('drivers:approve', 'twin')
  const testing = system.console('drivers:test', 'twin').catch(() => 'it broke off')
  // Its driver runs, and has made a server.
  await expect.poll(scratch, { timeout: 120_000 }).toHaveLength(3)
  process.kill(await system.pid('kernel'), 'SIGKILL')
  expect(await testing).toBe('it broke off')
  await expect.poll(() => scratch().catch(() => ['no answer']), { timeout: 60_000 }).toEqual([])
})

/** The device of the test, and the containers of it and of its driver. */
async function scratch(): Promise<string[]> {
  const devices: { name: string }[] = JSON.parse(await system.console('devices:list', '--format', 'json'))
  const ps = ['ps', '--all', '--filter', `label=megapolos.system=${system.label}`, '--format', '{{.Names}}']
  const containers = (await promisify(execFile)('docker', ps)).stdout.trim().split('\n')
  return [...devices.map(({ name }) => name), ...containers].filter((name) => name.includes('test-of-twin'))
}

function refusedCalls(json: string, began: string): string[] {
  const entries: { at: string; actor: string; command: string; result: string }[] = JSON.parse(json)
  const isOfIt = (one: (typeof entries)[number]) => one.actor === 'driver hostile' && one.at >= began
  return entries.filter((one) => isOfIt(one) && one.result === 'forbidden').map((one) => one.command)
}
