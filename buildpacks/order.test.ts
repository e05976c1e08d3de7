import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const here = import.meta.dirname
const order: string[] = JSON.parse(readFileSync(join(here, 'order.json'), 'utf8'))

test('order.json names every buildpack folder and nothing else', () => {
  const folders = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect([...order].sort()).toEqual(folders.map((entry) => entry.name).sort())
})

test.each(order)('%s has a manifest of its name, an index and an example', (name) => {
  const manifest = JSON.parse(readFileSync(join(here, name, 'buildpack.json'), 'utf8'))
  expect(manifest).toMatchObject({ name, description: expect.any(String), looksFor: expect.any(String) })
  expect(existsSync(join(here, name, 'index.ts'))).toBe(true)
  expect(readdirSync(join(here, name, 'example')).length).toBeGreaterThan(0)
})
