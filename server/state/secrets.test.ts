import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createSecrets, loadKey } from './secrets.ts'
import { testFolder } from './stores-for-test.ts'

const folder = testFolder()
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a sealed value opens only for what it belongs to, only with its key, and only unchanged', async () => {
  const secrets = createSecrets(Buffer.alloc(32, 1))
  const sealed = secrets.seal('hunter2 ü', 'config var A of blog')
  expect(sealed).toMatch(/^v1\.[\w-]+$/)
  expect(secrets.seal('hunter2 ü', 'config var A of blog')).not.toBe(sealed)
  expect(secrets.open(sealed, 'config var A of blog')).toBe('hunter2 ü')
  expect(secrets.open(secrets.seal('', 'x'), 'x')).toBe('')
  const last = sealed.at(-2) === 'A' ? 'B' : 'A'
  const refused = [
    () => secrets.open(sealed, 'config var A of shop'),
    () => createSecrets(Buffer.alloc(32, 2)).open(sealed, 'config var A of blog'),
    () => secrets.open(sealed.slice(0, -2) + last + sealed.slice(-1), 'config var A of blog'),
    () => secrets.open('v1.', 'x'),
    () => secrets.open('plain text', 'x'),
  ]
  for (const open of refused) expect(open).toThrow('this key does not open')
})

test('a key is made once, for its owner only, even by two at the same time', async () => {
  const path = join(folder, 'keys/store')
  const [one, other] = await Promise.all([loadKey(path), loadKey(path)])
  expect(one).toHaveLength(32)
  expect(other).toEqual(one)
  expect(await loadKey(path)).toEqual(one)
  expect(readFileSync(path)).toEqual(one)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('a key that others may read, or that is no key, is refused', async () => {
  const path = join(folder, 'bad')
  writeFileSync(path, 'short', { mode: 0o600 })
  await expect(loadKey(path)).rejects.toMatchObject({ message: /5 bytes long, not 32/ })
  chmodSync(path, 0o640)
  await expect(loadKey(path)).rejects.toMatchObject({ code: 'forbidden', hint: `chmod 600 ${path}` })
})
