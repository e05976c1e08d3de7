import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RunningJob } from '../jobs/queue.ts'
import { differences } from './contents.ts'
import { packFolder } from './tar-program.ts'
import { type VolumeAccess, volumeSubjects } from './volume-subjects.ts'

const execute = promisify(execFile)
const never = new AbortController().signal
let root: string
let folder: string
let scratches: string[]
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'megapolos-volumes-'))
  folder = join(root, 'uploads')
  scratches = []
  await mkdir(join(folder, 'deep/er'), { recursive: true })
  await writeFile(join(folder, 'a.bin'), randomBytes(3_000_000))
  await writeFile(join(folder, 'empty'), '')
  await writeFile(join(folder, 'deep/er', 'x'.repeat(200)), 'long name', { mode: 0o640 })
  await writeFile(join(folder, 'ä\n$(rm -rf)'), 'odd name')
  await symlink('/etc/shadow', join(folder, 'link'))
  await execute('chown', ['-R', '1000:1000', folder])
})
afterEach(() => rm(root, { recursive: true }))

/** Directories as volumes: what the kernel makes of them is not what is tried here. */
const access: VolumeAccess<string> = {
  find: async (name) => (name === 'uploads' ? folder : null),
  open: async (volume) => volume,
  scratch: async () => {
    const made = join(root, randomBytes(4).toString('hex'))
    await mkdir(made)
    scratches.push(made)
    return {
      folder: made,
      keep: (name) => rename(made, join(root, name)),
      replace: async (volume) => {
        await rename(volume, `${volume}-before`)
        await rename(made, volume)
        return { kept: 'uploads-before' }
      },
      drop: () => rm(made, { recursive: true, force: true }),
    }
  },
}

async function dumped() {
  const subject = await volumeSubjects(access).find('uploads')
  const { bytes, contents } = (await subject?.dump(never)) ?? { bytes: Readable.from([]), contents: null }
  return { bytes: await buffer(bytes), contents: (await contents) ?? { tables: [], definitions: [] } }
}

async function restored(bytes: Buffer) {
  const place = await volumeSubjects(access).scratch('uploads', 'tar')
  await place.fill(Readable.from([bytes]), never)
  return place
}

test('files come back as they were: content, owner, mode, links, and names that nobody would choose', async () => {
  const { bytes, contents } = await dumped()
  expect(contents.tables.map(({ name, rows }) => [name, rows])).toEqual([
    ['a.bin', 3_000_000],
    [`deep/er/${'x'.repeat(200)}`, 9],
    ['empty', 0],
    ['ä\n$(rm -rf)', 8],
  ])
  const place = await restored(bytes)
  expect(differences('volume', contents, await place.inspect(never))).toEqual([])
  const [made = ''] = scratches
  expect((await readFile(join(made, 'a.bin'))).equals(await readFile(join(folder, 'a.bin')))).toBe(true)
  expect(await readlink(join(made, 'link'))).toBe('/etc/shadow')
  expect(await lstat(join(made, 'deep/er', 'x'.repeat(200)))).toMatchObject({ uid: 1000, gid: 1000, mode: 0o100640 })
  await place.drop()
  expect(await readdir(root)).toEqual(['uploads'])
})

const changes: Readonly<Record<string, [(folder: string) => Promise<unknown>, string]>> = {
  'a byte': [(made) => writeFile(join(made, 'empty'), 'x'), 'The file empty has 1 bytes instead of 0.'],
  'a file': [(made) => rm(join(made, 'a.bin')), 'The file a.bin is missing.'],
  'an owner': [
    (made) => execute('chown', ['0:0', join(made, 'empty')]),
    'It lost a definition: file "empty" 644 1000:1000',
  ],
  'a link': [
    async (made) => {
      await rm(join(made, 'link'))
      await symlink('/etc/passwd', join(made, 'link'))
    },
    'It lost a definition: symlink "link" -> "/etc/shadow"',
  ],
}
test.each(Object.keys(changes))('%s that differs is found', async (name) => {
  const { bytes, contents } = await dumped()
  const place = await restored(bytes)
  const [change, sentence] = changes[name] ?? []
  await change?.(scratches[0] ?? '')
  expect(differences('volume', contents, await place.inspect(never)).join('\n')).toContain(sentence)
})

test('a tar that ends early, or is none, is refused', async () => {
  const { bytes } = await dumped()
  await expect(restored(bytes.subarray(0, 1_000_000))).rejects.toMatchObject({ code: 'refused' })
  await expect(restored(Buffer.from('hello'.repeat(500)))).rejects.toMatchObject({ code: 'refused' })
})

test('links never lead out: neither when reading nor when filling', async () => {
  const outside = join(root, 'outside')
  await mkdir(outside)
  await writeFile(join(outside, 'secret'), 'planted-secret')
  await symlink(outside, join(folder, 'folder-link'))
  const { bytes } = await dumped()
  expect(bytes.includes('planted-secret')).toBe(false)
  await (await restored(bytes)).drop()
  expect(await readdir(outside)).toEqual(['secret'])
})

test('a full disk is named', async () => {
  const { bytes } = await dumped()
  const small = join(root, 'small')
  await mkdir(small)
  await execute('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small])
  try {
    const full = { ...access, scratch: async () => ({ ...(await access.scratch()), folder: small }) }
    const place = await volumeSubjects(full).scratch('uploads', 'tar')
    await expect(place.fill(Readable.from([bytes]), never)).rejects.toThrow('The disk of the server is full.')
  } finally {
    await execute('umount', ['--lazy', small])
  }
})

test('whoever cancels waits for nothing', async () => {
  const cancel = new AbortController()
  const { bytes, contents } = packFolder(folder, cancel.signal)
  contents.catch(() => {})
  await bytes[Symbol.asyncIterator]().next()
  cancel.abort()
  await expect(contents).rejects.toThrow()
})

test('a restored one takes the place of the other, which is kept', async () => {
  const { bytes } = await dumped()
  await rm(join(folder, 'a.bin'))
  const commits: string[] = []
  const job = { commit: () => commits.push('committed') } as unknown as RunningJob
  expect(await (await restored(bytes)).replace('uploads', job)).toEqual({ kept: 'uploads-before' })
  expect(commits).toEqual(['committed'])
  expect(await readdir(folder)).toContain('a.bin')
  expect(await readdir(`${folder}-before`)).not.toContain('a.bin')
})
