import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { manifest } from '../../test/driver-house.ts'
import { loadRegistry } from '../devices/registry.ts'
import { createDriverPushes } from './driver-push.ts'
import { noCommit } from './repositories.ts'

let root: string
let tree: string
let folder: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'megapolos-push-'))
  tree = join(root, 'tree')
  folder = join(root, 'drivers')
  await mkdir(tree)
  await mkdir(folder)
  await mkdir(join(root, 'program/nginx'), { recursive: true })
  const trusted = { ...manifest('nginx', []), class: 'proxy', runs: 'module', image: null }
  await writeFile(join(root, 'program/nginx/driver.json'), JSON.stringify(trusted))
  await describe(manifest('cache', ['network']))
})
afterEach(() => rm(root, { recursive: true, force: true }))

const describe = (said: object) => writeFile(join(tree, 'driver.json'), JSON.stringify(said))
const tar = async () => {
  const options = { encoding: 'buffer' as const, maxBuffer: 64 * 1024 ** 2 }
  return (await promisify(execFile)('tar', ['-C', tree, '-c', '.'], options)).stdout
}
const update = { ref: 'refs/heads/main', old: noCommit, new: '1'.repeat(40), tree: '2'.repeat(40) }

/** Lines for the pusher. */
async function push(
  change: Partial<typeof update & { name: string; now: string; bytes: Buffer }> = {},
): Promise<string[]> {
  const { name = 'cache', now = noCommit, bytes = await tar(), ...pushed } = { ...update, ...change }
  const registry = await loadRegistry(join(root, 'program'), { folder, load: () => () => ({}) })
  const details = async (name: string) => {
    const { version, privileges } = registry.manifest(name)
    const asked = privileges.map((one) => ({ name: one, meaning: one, granted: false }))
    return { version, privileges: asked, state: 'waits for approval', devices: ['redis-1'] }
  }
  const lines: string[] = []
  await createDriverPushes({
    repositories: { ensure: async (id) => id, ref: async () => now },
    drivers: { rescan: () => registry.rescan().then(() => {}), info: details as never },
    registry,
    folder,
  }).push(name, pushed, Readable.from([bytes]), (line) => lines.push(line))
  return lines
}

test('a pushed driver is in place at once, and its pusher hears what it asks for and whom it keeps waiting', async () => {
  await writeFile(join(tree, 'driver.py'), 'pass')
  expect(await push()).toEqual([
    '-----> The driver cache 1.0.0 is in place',
    '       It asks for: network',
    '       Until it is approved, redis-1 cannot be managed.',
    '       To let it: ssh megapolos drivers:approve cache',
  ])
  expect(await readdir(folder)).toEqual(['cache'])
  expect(await readFile(join(folder, 'cache/driver.py'), 'utf8')).toBe('pass')
})

test('a second push takes the place of the first whole: what it leaves out is gone', async () => {
  await writeFile(join(tree, 'old.py'), 'pass')
  await push()
  await rm(join(tree, 'old.py'))
  await writeFile(join(tree, 'new.py'), 'pass')
  await push()
  expect((await readdir(join(folder, 'cache'))).sort()).toEqual(['driver.json', 'new.py'])
  expect(await readdir(folder)).toEqual(['cache'])
})

test.each<[string, () => Promise<unknown>, RegExp]>([
  ['has no manifest', () => rm(join(tree, 'driver.json')), /no driver.json at the top/],
  ['has another name', () => describe(manifest('other', [])), /says the name other, but the folder is cache/],
  ['has an unknown field', () => describe({ ...manifest('cache', []), colour: 'red' }), /unknown field colour/],
  [
    'wants to be trusted',
    () => describe({ ...manifest('cache', []), runs: 'module', image: null }),
    /it runs as a module/,
  ],
  ['has a link', () => symlink('/etc/shadow', join(tree, 'notes')), /neither a file nor a folder/],
  ['is too large', () => writeFile(join(tree, 'big'), Buffer.alloc(17 * 1024 ** 2)), /at most 16 MiB/],
])('a tree that %s is refused with the reason, and what was there stays', async (_, spoil, reason) => {
  await push()
  const before = await readFile(join(folder, 'cache/driver.json'), 'utf8')
  await spoil()
  await expect(push()).rejects.toThrow(reason)
  expect(await readFile(join(folder, 'cache/driver.json'), 'utf8')).toBe(before)
  expect(await readdir(folder)).toEqual(['cache'])
})

test('a path that leads out of the tree is refused', async () => {
  const { pack } = await import('tar-stream')
  const out = pack()
  out.entry({ name: '../../../etc/cron.d/evil' }, 'x')
  out.finalize()
  await expect(push({ bytes: Buffer.concat(await Array.fromAsync(out as AsyncIterable<Buffer>)) })).rejects.toThrow(
    /leads out of/,
  )
})

test('a transfer that is cut places nothing', async () => {
  await writeFile(join(tree, 'driver.py'), 'x'.repeat(100_000))
  const whole = await tar()
  await expect(push({ bytes: whole.subarray(0, 60_000) })).rejects.toThrow()
  expect(await readdir(folder)).toEqual([])
})

test('trusted drivers of the program are nobody’s to push, and a branch that moved is not pushed over', async () => {
  await expect(push({ name: 'nginx' })).rejects.toThrow('nginx is part of this program')
  await expect(push({ now: '3'.repeat(40) })).rejects.toThrow('main was created while this push waited')
  await expect(push({ new: noCommit })).rejects.toMatchObject({
    hint: 'To remove it: ssh megapolos drivers:remove cache',
  })
  await expect(push({ ref: 'refs/tags/v1' })).rejects.toThrow('refs/tags/v1 is not a branch')
})
