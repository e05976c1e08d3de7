import { mkdir, mkdtemp, open, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { quickly } from '../../test/quickly.ts'
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
  await mkdir(join(folder, name), { recursive: true })
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

const apart = (name: string, more: object = {}) => ({
  ...manifest(name),
  ...{ class: 'database', runs: 'container', image: { packages: ['python3'], command: ['python3', 'driver.py'] } },
  ...more,
})
const home = () => ({ folder: join(folder, 'home'), load: () => () => ({ from: 'home' }) })

test('an operator’s driver is found beside those of the program, and known by its content', async () => {
  await addDriver('caddy', manifest('caddy'))
  await addDriver('home/cache', apart('cache'))
  const registry = await loadRegistry(folder, home())
  expect(registry.drivers.map(({ name }) => name)).toEqual(['cache', 'caddy'])
  expect(registry.found('cache')).toMatchObject({ from: 'home', digest: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect(registry.found('caddy')).toMatchObject({ from: 'program', digest: null })
  expect((await registry.load('cache', 'database'))({} as never)).toEqual({ from: 'home' })
})

test('code of an operator’s folder is never imported into the kernel, and takes no trusted driver’s place', async () => {
  await addDriver('caddy', manifest('caddy'))
  await addDriver('home/evil', manifest('evil'), "throw new Error('imported')")
  await addDriver('home/caddy', apart('caddy'))
  const registry = await loadRegistry(folder, home())
  expect(registry.found('caddy').from).toBe('program')
  expect(registry.broken).toEqual([
    { folder: 'caddy', problem: 'a driver of the program has this name.' },
    { folder: 'evil', problem: 'it runs as a module, and only the code of the program itself is trusted so far.' },
  ])
})

test('an operator’s driver stands in for one of the program that runs as a container too', async () => {
  await addDriver('cache', apart('cache', { version: '1.0.0' }))
  await addDriver('home/cache', apart('cache', { version: '2.0.0' }))
  expect((await loadRegistry(folder, home())).manifest('cache').version).toBe('2.0.0')
})

test('what came, changed and went is told by name, and nothing else', async () => {
  await addDriver('home/one', apart('one'))
  await addDriver('home/two', apart('two'))
  const registry = await loadRegistry(folder, home())
  expect(await registry.rescan()).toEqual([])
  await addDriver('home/three', apart('three'))
  await writeFile(join(folder, 'home/two/index.ts'), 'changed')
  await rm(join(folder, 'home/one'), { recursive: true })
  await mkdir(join(folder, 'home/.incoming'))
  expect(await registry.rescan()).toEqual(['one', 'three', 'two'])
  expect(registry.drivers.map(({ name }) => name)).toEqual(['three', 'two'])
  expect(await registry.rescan()).toEqual([])
})

test('a folder that cannot be a driver says why: links, too many files, too many bytes', async () => {
  for (const name of ['linked', 'many', 'large']) await addDriver(`home/${name}`, apart(name))
  await symlink('/etc/shadow', join(folder, 'home/linked/notes'))
  await Promise.all(Array.from({ length: 1001 }, (_, n) => writeFile(join(folder, `home/many/${n}`), '')))
  await writeFile(join(folder, 'home/large/big'), Buffer.alloc(17 * 1024 ** 2))
  expect((await loadRegistry(folder, home())).broken).toEqual([
    { folder: 'large', problem: 'it is larger than 16 MiB.' },
    { folder: 'linked', problem: 'notes is neither a file nor a folder.' },
    { folder: 'many', problem: 'it has more than 1000 files.' },
  ])
})

test('the drivers that are shipped are all in order', async () => {
  const registry = await loadRegistry(join(import.meta.dirname, '../../drivers'))
  expect(registry.broken).toEqual([])
  expect(registry.drivers.map((driver) => driver.class)).toContain('proxy')
})

test('of two looks at once the later one decides, however slow the earlier is', async () => {
  await addDriver('home/cache', apart('cache', { version: '1.0.0' }))
  const registry = await loadRegistry(folder, home())
  const slow = join(folder, 'home/slow')
  await mkdir(slow)
  await quickly('mkfifo', join(slow, 'driver.json'))
  const earlier = registry.rescan()
  // Opens when the look is there, which has read what comes before by then.
  const held = await open(join(slow, 'driver.json'), 'w')
  await addDriver('home/cache', apart('cache', { version: '2.0.0' }))
  await rename(slow, join(folder, 'gone'))
  const later = registry.rescan()
  await Promise.race([later, pause(200)])
  await held.close()
  await Promise.all([earlier, later])
  expect(registry.manifest('cache').version).toBe('2.0.0')
})
