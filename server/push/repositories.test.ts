import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, expect, test } from 'vitest'
import { createRepositories, noCommit } from './repositories.ts'

const folder = mkdtempSync(join(tmpdir(), 'mp-repositories-'))
afterAll(() => rmSync(folder, { recursive: true }))

const account = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
const repositories = createRepositories(folder, '/nowhere/hooks', account)
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { encoding: 'utf8' }).trim()

const children = () => readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')

/** A work tree whose .gitattributes would hide a file from an archive. */
function commit(): { tree: string; sha: string } {
  const tree = mkdtempSync(join(folder, 'work-'))
  git('init', '-q', '-b', 'main', tree)
  writeFileSync(join(tree, 'Dockerfile'), 'FROM scratch\n')
  writeFileSync(join(tree, '.gitattributes'), 'Dockerfile export-ignore\n')
  git('-C', tree, 'add', '.')
  git('-C', tree, 'commit', '-q', '-m', 'one')
  return { tree, sha: git('-C', tree, 'rev-parse', 'HEAD') }
}

test('a repository is made once, and again is the same', async () => {
  const path = await repositories.ensure('aaaa0001')
  expect(await repositories.ensure('aaaa0001')).toBe(path)
  expect(git('-C', path, 'config', 'core.hooksPath')).toBe('/nowhere/hooks')
})

test('an archive holds every file, whatever .gitattributes says', async () => {
  const path = await repositories.ensure('aaaa0002')
  const { tree, sha } = commit()
  expect(await repositories.ref('aaaa0002', 'refs/heads/main')).toBe(noCommit)
  git('-C', tree, 'push', '-q', path, 'main')
  expect(await repositories.ref('aaaa0002', 'refs/heads/main')).toBe(sha)
  const listed = execFileSync('tar', ['-t'], {
    input: await buffer(repositories.archive('aaaa0002', sha)),
    encoding: 'utf8',
  })
  expect(listed).toContain('Dockerfile')
})

test('an archive is whole for whoever begins to read when git has already ended', async () => {
  const path = await repositories.ensure('aaaa0006')
  const { tree, sha } = commit()
  git('-C', tree, 'push', '-q', path, 'main')
  const archive = repositories.archive('aaaa0006', sha)
  await expect.poll(children).toEqual('')
  expect(execFileSync('tar', ['-t'], { input: await buffer(archive), encoding: 'utf8' })).toContain('Dockerfile')
})

test('a packed ref is found too', async () => {
  const path = await repositories.ensure('aaaa0003')
  const { tree, sha } = commit()
  git('-C', tree, 'push', '-q', path, 'main')
  git('-C', path, 'pack-refs', '--all')
  expect(await repositories.ref('aaaa0003', 'refs/heads/main')).toBe(sha)
})

test('whoever waits for a ref sees it move, or hears that it did not', async () => {
  const path = await repositories.ensure('aaaa0004')
  const { tree, sha } = commit()
  const moved = repositories.awaitRef('aaaa0004', 'refs/heads/main', sha, 5000)
  git('-C', tree, 'push', '-q', path, 'main')
  expect(await moved).toBe(true)
  expect(await repositories.awaitRef('aaaa0004', 'refs/heads/main', 'f'.repeat(40), 20)).toBe(false)
})

test('a commit that is kept outlives a forced push and a tidying, is not seen by pushers, and goes when it is kept no more', async () => {
  const path = await repositories.ensure('aaaa0007')
  const { tree, sha } = commit()
  git('-C', tree, 'push', '-q', path, 'main')
  await repositories.keep('aaaa0007', [sha, 'f'.repeat(40)])
  git('-C', tree, 'commit', '-q', '--amend', '-m', 'two')
  git('-C', tree, 'push', '-q', '--force', path, 'main')
  const now = git('-C', tree, 'rev-parse', 'HEAD')
  expect(git('ls-remote', path)).toBe(`${now}\tHEAD\n${now}\trefs/heads/main`)

  git('-C', path, 'gc', '--quiet', '--prune=now')
  await repositories.tidy('aaaa0007')
  expect((await buffer(repositories.archive('aaaa0007', sha))).length).toBeGreaterThan(0)

  await repositories.keep('aaaa0007', [now])
  git('-C', path, 'gc', '--quiet', '--prune=now')
  await expect(buffer(repositories.archive('aaaa0007', sha))).rejects.toThrow('is not in the repository')
  expect((await buffer(repositories.archive('aaaa0007', now))).length).toBeGreaterThan(0)
})

test('the apps that have a repository are listed, and nothing else of the folder', async () => {
  await repositories.ensure('aaaa0008')
  const listed = await repositories.list()
  expect(listed).toContain('aaaa0008')
  expect(listed.filter((id) => !/^[0-9a-f]{8}$/.test(id))).toEqual([])
})

test('an archive of a commit that is not there is an error, not an empty tree', async () => {
  await repositories.ensure('aaaa0005')
  await expect(buffer(repositories.archive('aaaa0005', 'f'.repeat(40)))).rejects.toThrow(
    'fffffff is not in the repository of the app.',
  )
})

test('what a killed git left is gone when the repository is opened again, unless another one is at work in it', async () => {
  const path = await repositories.ensure('aaaa0006')
  const left = ['objects/tmp_objdir-incoming-x1', 'objects/pack/tmp_pack_x1', 'refs/heads/main.lock', 'HEAD.lock']
  for (const name of left) mkdirSync(join(path, name))
  const working = spawn('sleep', ['60'], { cwd: path })
  await once(working, 'spawn')
  await repositories.ensure('aaaa0006')
  expect(left.filter((name) => existsSync(join(path, name)))).toEqual(left)
  working.kill('SIGKILL')
  await once(working, 'exit')
  await repositories.removeLeftOvers()
  expect(left.filter((name) => existsSync(join(path, name)))).toEqual([])
})
