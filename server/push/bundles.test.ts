import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createBundles } from './bundles.ts'
import { createRepositories } from './repositories.ts'

const folder = mkdtempSync(join(tmpdir(), 'mp-bundles-'))
afterAll(() => rmSync(folder, { recursive: true }))

const account = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
const repositories = createRepositories(folder, '/nowhere/hooks', account)
const bundles = createBundles(folder, account, 1_000)
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { encoding: 'utf8' }).trim()

const work = join(folder, 'work')
git('init', '-q', '-b', 'main', work)

function commit(text: string): string {
  writeFileSync(join(work, 'file'), text)
  git('-C', work, 'add', '.')
  git('-C', work, 'commit', '-q', '-m', text)
  return git('-C', work, 'rev-parse', 'HEAD')
}

async function pushed(app: string): Promise<string> {
  const path = await repositories.ensure(app)
  git('-C', work, 'push', '-q', '-f', path, 'main')
  return path
}

const one = commit('one')
const two = commit('two')

test('a repository comes back with its history, and any git can clone the file', async () => {
  await pushed('aaaa0001')
  const file = join(folder, '1.bundle')
  expect(await bundles.save({ id: 'aaaa0001', branch: 'main', commits: [one, two] }, file)).toEqual({ missing: [] })
  git('clone', '-q', '-b', 'main', file, join(folder, 'cloned'))
  expect(git('-C', join(folder, 'cloned'), 'log', '--format=%s')).toBe('two\none')
  const copy = await repositories.ensure('bbbb0001')
  await bundles.load(copy, file)
  expect(git('-C', copy, 'rev-parse', 'refs/heads/main')).toBe(two)
})

test('the commit of a release that the branch has left behind is kept', async () => {
  await pushed('aaaa0002')
  git('-C', work, 'reset', '-q', '--hard', one)
  const other = commit('other')
  await pushed('aaaa0002')
  const file = join(folder, '2.bundle')
  expect(await bundles.save({ id: 'aaaa0002', branch: 'main', commits: [two, other] }, file)).toEqual({ missing: [] })
  const copy = await repositories.ensure('bbbb0002')
  await bundles.load(copy, file)
  expect(git('-C', copy, 'rev-parse', 'refs/heads/main')).toBe(other)
  expect(git('-C', copy, 'show', `${two}:file`)).toBe('two')
})

test('what was pushed after the releases were read is left out', async () => {
  git('-C', work, 'reset', '-q', '--hard', two)
  const later = commit('later')
  await pushed('aaaa0003')
  const file = join(folder, '3.bundle')
  await bundles.save({ id: 'aaaa0003', branch: 'main', commits: [one, two, one] }, file)
  const copy = await repositories.ensure('bbbb0003')
  await bundles.load(copy, file)
  expect(git('-C', copy, 'rev-parse', 'refs/heads/main')).toBe(two)
  expect(() => git('-C', copy, 'cat-file', '-e', later)).toThrow()
})

test('a commit whose objects arrive a moment later is waited for', async () => {
  const path = await repositories.ensure('aaaa0004')
  const file = join(folder, '4.bundle')
  const saving = bundles.save({ id: 'aaaa0004', branch: 'main', commits: [two] }, file)
  git('-C', work, 'push', '-q', path, `${two}:refs/heads/main`)
  expect(await saving).toEqual({ missing: [] })
})

test('a commit that is gone is named, and the others are kept', async () => {
  await pushed('aaaa0005')
  const file = join(folder, '5.bundle')
  const gone = 'f'.repeat(40)
  expect(await bundles.save({ id: 'aaaa0005', branch: 'main', commits: [gone, two] }, file)).toEqual({
    missing: [gone],
  })
  expect(existsSync(file)).toBe(true)
})

test('an app that was never pushed has no file', async () => {
  await repositories.ensure('aaaa0006')
  const file = join(folder, '6.bundle')
  expect(await bundles.save({ id: 'aaaa0006', branch: 'main', commits: [] }, file)).toEqual({ missing: [] })
  expect(await bundles.save({ id: 'aaaa0007', branch: 'main', commits: [one] }, file)).toEqual({ missing: [one] })
  expect(existsSync(file)).toBe(false)
})
