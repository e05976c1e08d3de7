import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Key } from '../domain/access.ts'
import { authorizedKeys } from './authorized-keys.ts'

const laptop: Key = {
  name: 'laptop',
  fingerprint: 'SHA256:0hLlZ4NrsBZYqmnJgUNxFbGsHl3v3WmVv8KZ7BfbbJE',
  publicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw',
  role: 'admin',
  createdAt: '2026-01-01T00:00:00.000Z',
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mp-keys-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('sshd gets one restricted line for each key, in a file that only root writes', async () => {
  const path = join(folder, 'authorized_keys')
  const letIn = authorizedKeys({ path, group: 0, hooks: '/opt/hooks', panelPort: 9180 })
  letIn([laptop, { ...laptop, name: 'ci' }])
  const line = (name: string) =>
    `restrict,pty,port-forwarding,permitopen="localhost:9180",permitopen="127.0.0.1:9180",command="/opt/hooks/forced-command ${name}" ${laptop.publicKey}\n`
  expect(await readFile(path, 'utf8')).toBe(line('laptop') + line('ci'))
  expect((await stat(path)).mode & 0o777).toBe(0o640)
  letIn([])
  expect(await readFile(path, 'utf8')).toBe('')
})

test('a file that cannot be written is said in one sentence', async () => {
  const letIn = authorizedKeys({ path: join(folder, 'gone/keys'), group: 0, hooks: '/opt/hooks', panelPort: 9180 })
  expect(() => letIn([laptop])).toThrow('The list of keys for sshd could not be written.')
})
