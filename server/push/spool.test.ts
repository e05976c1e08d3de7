import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { type Header, pack } from 'tar-stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { spoolSource } from './spool.ts'

let folder: string
let count = 0
const target = () => join(folder, `source-${++count}.tar`)
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'megapolos-spool-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function tar(...entries: (Partial<Header> & { name: string } & { content?: string })[]): Readable {
  const out = pack()
  for (const { content, ...header } of entries) out.entry(header, content ?? '')
  out.finalize()
  return Readable.from(out)
}

test('a git archive is indexed with kinds, sizes and modes, and read back without unpacking', async () => {
  const tree = join(folder, 'tree')
  const long = `${'deep/'.repeat(60)}ünïcode.txt`
  mkdirSync(join(tree, 'deep/'.repeat(60)), { recursive: true })
  writeFileSync(join(tree, 'Procfile'), 'web: node server.js\n')
  writeFileSync(join(tree, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 })
  writeFileSync(join(tree, long), 'far down')
  symlinkSync('/etc/shadow', join(tree, 'leak'))
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', tree, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args])
  git('init', '-q')
  git('add', '.')
  git('commit', '-qm', 'x')
  const archive = spawn('git', ['-C', tree, 'archive', 'HEAD']).stdout.pipe(new PassThrough())
  const path = target()
  const source = await spoolSource(archive, path)
  expect(source.files.get('Procfile')).toMatchObject({ kind: 'file', size: 20, executable: false })
  expect(source.files.get('run.sh')).toMatchObject({ kind: 'file', executable: true })
  expect(source.files.get('deep/deep')).toMatchObject({ kind: 'directory' })
  expect(source.files.get('leak')).toMatchObject({ kind: 'symlink' })
  expect(await source.read('Procfile')).toBe('web: node server.js\n')
  expect(await source.read(long)).toBe('far down')
  expect(await source.read('nowhere')).toBeNull()
  expect(await source.read('deep')).toBeNull()
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('a symlinked file is refused in one sentence, and its target is never read', async () => {
  const source = await spoolSource(tar({ name: 'Procfile', type: 'symlink', linkname: '/etc/passwd' }), target())
  await expect(source.read('Procfile')).rejects.toMatchObject({
    code: 'refused',
    message: 'Procfile is a symbolic link.',
  })
})

test('chunks of any size give the same index', async () => {
  const whole = Buffer.concat(
    await tar({ name: 'a', content: 'one' }, { name: `${'b'.repeat(150)}/c`, content: 'two' }).toArray(),
  )
  for (const step of [1, 7, 511, 513]) {
    const pieces = Array.from({ length: Math.ceil(whole.length / step) }, (_, i) =>
      whole.subarray(i * step, (i + 1) * step),
    )
    const source = await spoolSource(Readable.from(pieces), target())
    expect(await source.read('a')).toBe('one')
    expect(await source.read(`${'b'.repeat(150)}/c`)).toBe('two')
  }
})

test('the last of two entries with one name counts, as it does for everyone who unpacks', async () => {
  const source = await spoolSource(tar({ name: 'a', content: 'first' }, { name: './a', content: 'second' }), target())
  expect(await source.read('a')).toBe('second')
})

test.each([
  ['an absolute path', { name: '/etc/cron.d/x' }, 'leads out of it'],
  ['a path with ..', { name: 'a/../../x' }, 'leads out of it'],
  ['a path with NUL', { name: 'a', pax: { path: 'a\0b' } }, 'leads out of it'],
  ['a hard link', { name: 'x', type: 'link', linkname: '/etc/shadow' }, 'neither a file'],
  ['a device', { name: 'sda', type: 'block-device', devmajor: 8, devminor: 0 }, 'neither a file'],
] as [string, Partial<Header> & { name: string }, string][])(
  '%s is refused and leaves nothing',
  async (_, header, message) => {
    const path = target()
    await expect(spoolSource(tar(header), path)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining(message),
    })
    expect(existsSync(path)).toBe(false)
  },
)

test('a tree over the limit is refused naming the limit and leaves nothing', async () => {
  const path = target()
  const big = tar({ name: 'big', content: 'x'.repeat(4096) })
  await expect(spoolSource(big, path, { limit: 2048 })).rejects.toMatchObject({
    code: 'refused',
    message: 'The pushed tree is larger than 2048 bytes.',
  })
  expect(existsSync(path)).toBe(false)
})

test('a transfer that was cut is refused and leaves nothing', async () => {
  const whole = Buffer.concat(await tar({ name: 'a', content: 'x'.repeat(4096) }).toArray())
  for (const length of [0, 100, 512, 2000, 512 + 4096]) {
    const path = target()
    await expect(spoolSource(Readable.from([whole.subarray(0, length)]), path)).rejects.toMatchObject({
      code: 'refused',
    })
    expect(existsSync(path)).toBe(false)
  }
})

test('what is not a tar is refused', async () => {
  await expect(spoolSource(Readable.from([Buffer.alloc(2048, 'x')]), target())).rejects.toMatchObject({
    code: 'refused',
  })
})

test('a large binary size does not confuse the index', async () => {
  const header = Buffer.concat(await tar({ name: 'a', content: '' }).toArray()).subarray(0, 512)
  header.fill(0xff, 124, 136)
  header.write('        ', 148)
  const sum = header.reduce((a, b) => a + b, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  await expect(spoolSource(Readable.from([header]), target())).rejects.toMatchObject({ code: 'refused' })
})

test('an abort ends the wait for a silent sender and leaves nothing', async () => {
  const controller = new AbortController()
  const path = target()
  const silent = new PassThrough()
  silent.write(Buffer.alloc(10))
  const spooled = spoolSource(silent, path, { signal: controller.signal })
  silent.once('resume', () => {})
  setImmediate(() => controller.abort())
  await expect(spooled).rejects.toMatchObject({ code: 'cancelled' })
  expect(existsSync(path)).toBe(false)
})

test('a file that is too large to read says so', async () => {
  const source = await spoolSource(tar({ name: 'package.json', content: 'x'.repeat(2000) }), target())
  await expect(source.read('package.json', 1000)).rejects.toMatchObject({
    message: 'package.json is larger than 1000 bytes.',
  })
})

test.each([
  ['a name', 'n'.repeat(256)],
  ['a path', `${'d/'.repeat(2050)}x`],
])('%s that Linux could not store is refused', async (_, name) => {
  const path = target()
  await expect(spoolSource(tar({ name }), path)).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining('path that Linux cannot store'),
  })
  expect(existsSync(path)).toBe(false)
})
