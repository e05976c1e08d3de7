import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { boundBuilds } from './bounds.ts'

const bounds = { memory: 1000, processes: 10 }
let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'megapolos-cgroup-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function group(path: string, ...files: string[]): (file: string) => string {
  mkdirSync(join(root, path), { recursive: true })
  for (const file of files) writeFileSync(join(root, path, file), '')
  return (file) => readFileSync(join(root, path, file), 'utf8')
}

test('the parent of all builds is bound, in one tree or in a tree for each controller', async () => {
  const both = group('docker/buildkit', 'memory.max', 'pids.max')
  const memory = group('memory/docker/buildkit', 'memory.limit_in_bytes')
  const pids = group('pids/docker/buildkit', 'pids.max')
  using _ = await boundBuilds(bounds, root)
  expect([both('memory.max'), memory('memory.limit_in_bytes')]).toEqual(['1000', '1000'])
  expect([both('pids.max'), pids('pids.max')]).toEqual(['10', '10'])
})

test('a step that systemd gives a scope of its own is bound as soon as it is there, and no container is', async () => {
  const container = group(`system.slice/docker-${'0'.repeat(64)}.scope`, 'memory.max', 'pids.max')
  using _ = await boundBuilds(bounds, root)
  const step = group('system.slice/docker-ke0yobtn6cfkpyw69r5u337rm.scope', 'memory.max', 'pids.max')
  await expect.poll(() => [step('memory.max'), step('pids.max')]).toEqual(['1000', '10'])
  expect([container('memory.max'), container('pids.max')]).toEqual(['', ''])
})

test('without cgroups it does nothing', async () => {
  using _ = await boundBuilds(bounds, join(root, 'nothing'))
})
