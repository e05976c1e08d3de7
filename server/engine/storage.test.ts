/** What is removed, and what never is, on the real engine. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngine } from './docker.ts'
import { createStorage } from './storage.ts'
import { dockerSocket, makeImage, sweep } from './test-image.ts'

const system = 'test-storage'
const storage = createStorage({ socket: dockerSocket, system })
const docker = async (...words: string[]) => (await promisify(execFile)('docker', words)).stdout.trim()
const labels = (app: string) => ['-c', `LABEL megapolos.system=${system}`, '-c', `LABEL megapolos.app=${app}`]

/** An image with a layer of its own, as a build of the app would make it. */
async function built(app: string, ...names: string[]): Promise<string> {
  const container = await docker('create', `megapolos-test/${system}`, 'true')
  await docker('cp', import.meta.filename, `${container}:/${app}-${names.length}`)
  const id = await docker('commit', ...labels(app), container)
  await docker('rm', container)
  for (const name of names) await docker('tag', id, name)
  return id
}

beforeAll(async () => {
  await sweep(system)
  await makeImage(system)
})
afterAll(() => sweep(system))

test('an image is found under the names that this system gave it, with the bytes that go with it', async () => {
  const id = await built('aaaa0001', 'megapolos/app-aaaa0001:one', 'megapolos/app-aaaa0001:two')
  const names = ['megapolos/app-aaaa0001:one', 'megapolos/app-aaaa0001:two']
  const [found] = await storage.images('aaaa0001')
  expect({ ...found, names: [...(found?.names ?? [])].sort() }).toMatchObject({ id, app: 'aaaa0001', names })
  const usage = await storage.usage()
  const own = usage.images.find((image) => image.id === id)
  expect(own?.bytes).toBeGreaterThan(1000)
  expect(own?.bytes).toBeLessThan(1_000_000)
  expect(usage.imageBytes).toBeGreaterThan(own?.bytes ?? 0)
  expect(usage.cache.bytes).toBeGreaterThanOrEqual(usage.cache.used)
})

test('several may ask at once what it stores', async () => {
  const usages = await Promise.all([storage.usage(), storage.usage(), storage.usage()])
  expect(usages.map(({ imageBytes }) => imageBytes > 0)).toEqual([true, true, true])
})

test('what somebody made of our images, and named otherwise, is not ours, although it inherits our labels', async () => {
  const id = await built('aaaa0002', 'test-storage/mine')
  const unnamed = await built('aaaa0002')
  const ids = (await storage.usage()).images.map((image) => image.id)
  expect(ids).not.toContain(id)
  expect(ids).not.toContain(unnamed)
  expect(await storage.images('aaaa0002')).toEqual([])
})

test('an image with only our system label, as a device may have, is nothing that could be removed', async () => {
  const ids = (await storage.usage()).images.map((image) => image.id)
  expect(ids).not.toContain(await docker('image', 'inspect', '--format', '{{.Id}}', `megapolos-test/${system}`))
})

test('bases of the installer are those of all systems: while there is another one, nobody removes them', async () => {
  const container = await docker('create', `megapolos-test/${system}`, 'true')
  const name = 'megapolos/none-run:1'
  const shared = ['-c', 'LABEL megapolos.system=megapolos', '-c', `LABEL megapolos.base=${name}`]
  const other = await docker('commit', '-c', 'LABEL megapolos.system=test-other', container)
  await docker('commit', ...shared, container, name)
  await docker('rm', container)
  try {
    expect((await storage.usage()).images.map((image) => image.names[0])).not.toContain(name)
  } finally {
    await docker('image', 'rm', other, name)
  }
})

test('an image that another named too loses our name only', async () => {
  const id = await built('aaaa0003', 'megapolos/app-aaaa0003:one', 'test-storage/kept')
  expect((await storage.usage()).images.find((image) => image.id === id)).toMatchObject({ bytes: 0 })
  await storage.removeImage('megapolos/app-aaaa0003:one')
  expect(await docker('image', 'inspect', '--format', '{{.Id}}', 'test-storage/kept')).toBe(id)
  expect(await storage.images('aaaa0003')).toEqual([])
})

test('an image goes with its last name, once; one that a stopped container needs stays and says so', async () => {
  await built('aaaa0004', 'megapolos/app-aaaa0004:one')
  const container = await docker(
    'create',
    '--label',
    `megapolos.system=${system}`,
    'megapolos/app-aaaa0004:one',
    'true',
  )
  await expect(storage.removeImage('megapolos/app-aaaa0004:one')).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('Docker keeps megapolos/app-aaaa0004:one'),
  })
  await docker('rm', container)
  await storage.removeImage('megapolos/app-aaaa0004:one')
  await storage.removeImage('megapolos/app-aaaa0004:one')
  expect(await storage.images('aaaa0004')).toEqual([])
})

test('containers are seen with what they hold, those that another started without an app; one that runs is not removed', async () => {
  await built('aaaa0005', 'megapolos/app-aaaa0005:one')
  const image = 'megapolos/app-aaaa0005:one'
  const own = await docker('run', '-d', '--label', 'megapolos.group=0a1b2c3d', image, 'sleep', '60')
  const foreign = await docker('create', image, 'true')
  try {
    const found = await storage.containers()
    expect(found.find(({ id }) => id === own)).toMatchObject({ app: 'aaaa0005', running: true })
    expect(found.find(({ id }) => id === foreign)).toMatchObject({ app: null, running: false })
    // The rollout, which stops what it did not want, must not know the other one either.
    const engine = createEngine({ socket: dockerSocket, system })
    expect((await engine.list('aaaa0005')).map(({ id }) => id)).toEqual([own])
    await expect(storage.removeContainer(own)).rejects.toMatchObject({ code: 'conflict' })
    await docker('kill', own)
    await storage.removeContainer(own)
    await storage.removeContainer(own)
    expect((await storage.containers('aaaa0005')).map(({ id }) => id)).toEqual([foreign])
  } finally {
    await docker('rm', '-f', foreign)
  }
})

test('only networks of this system are seen', async () => {
  const options = [
    '--subnet',
    '10.79.250.0/24',
    '--label',
    `megapolos.system=${system}`,
    '--label',
    'megapolos.app=aaaa0006',
  ]
  await docker('network', 'create', ...options, 'mp-test-storage')
  expect(await storage.networks()).toEqual([{ name: 'mp-test-storage', app: 'aaaa0006' }])
  await storage.removeNetwork('mp-test-storage')
  await storage.removeNetwork('mp-test-storage')
  expect(await storage.networks()).toEqual([])
})

test('the build cache is asked to keep what is there, and then nothing is freed', async () => {
  expect(await storage.root()).toMatch(/^\//)
  expect(await storage.pruneBuildCache(1e15)).toBe(0)
})
