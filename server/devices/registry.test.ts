import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadRegistry } from './registry.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'megapolos-registry-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const manifest = (name: string) => ({
  name,
  version: '1.0.0',
  class: 'proxy',
  contract: 1,
  runs: 'module',
  description: 'A driver',
  privileges: [],
})

async function addDriver(name: string, said: object | string, code = 'export const createDriver = () => ({})') {
  await mkdir(join(folder, name))
  await writeFile(join(folder, name, 'driver.json'), typeof said === 'string' ? said : JSON.stringify(said))
  await writeFile(join(folder, name, 'index.ts'), code)
}

test('every folder with a manifest is a driver; other folders and files are not', async () => {
  await addDriver('caddy', manifest('caddy'))
  await mkdir(join(folder, 'conformance'))
  await writeFile(join(folder, 'README.md'), '')
  const registry = await loadRegistry(folder)
  expect(registry.drivers.map((driver) => driver.name)).toEqual(['caddy'])
  expect(registry.broken).toEqual([])
})

test('a broken manifest is reported and harms no other driver', async () => {
  await addDriver('caddy', manifest('caddy'))
  await addDriver('torn', '{')
  await addDriver('wrong', { ...manifest('wrong'), colour: 'red' })
  await addDriver('copied', manifest('caddy'))
  await addDriver('newer', { ...manifest('newer'), contract: 2 })
  const registry = await loadRegistry(folder)
  expect(registry.drivers.map((driver) => driver.name)).toEqual(['caddy'])
  expect(registry.broken.map((driver) => driver.folder)).toEqual(['copied', 'newer', 'torn', 'wrong'])
  expect(registry.broken[0]?.problem).toBe('driver.json says the name caddy, but the folder is copied.')
  expect(registry.broken[3]?.problem).toBe('driver.json has the unknown field colour.')
})

test('code is imported only when the driver is asked for', async () => {
  await addDriver('caddy', manifest('caddy'), "throw new Error('imported')")
  const registry = await loadRegistry(folder)
  await expect(registry.load('caddy', 'proxy')).rejects.toThrow('imported')
})

test('a driver is not given out as one of another class', async () => {
  await addDriver('caddy', manifest('caddy'))
  const registry = await loadRegistry(folder)
  await expect(registry.load('caddy', 'builder')).rejects.toThrow('caddy is a driver of the class proxy, not builder.')
})

test('an unknown driver is not found, a broken one is named with its problem', async () => {
  await addDriver('torn', '{')
  const registry = await loadRegistry(folder)
  expect(() => registry.manifest('apache')).toThrow('There is no driver apache.')
  expect(() => registry.manifest('torn')).toThrow('The driver torn is not used: driver.json is not JSON.')
})

test('the drivers that are shipped are all in order', async () => {
  const registry = await loadRegistry(join(import.meta.dirname, '../../drivers'))
  expect(registry.broken).toEqual([])
  expect(registry.drivers.map((driver) => driver.class)).toContain('proxy')
})
