import { expect, test } from 'vitest'
import { memoryManifest } from '../attachments/memory-driver-for-test.ts'
import type { Manifest } from '../domain/device.ts'
import { withDriverNames } from './driver-names.ts'
import { table } from './index.ts'
import { parse } from './parse.ts'
import { splitWords } from './words.ts'

let manifests: Manifest[] = [memoryManifest]
const read = (line: string) => {
  const { row, args } = parse(
    splitWords(line),
    withDriverNames(table, () => manifests),
  )
  return [row.name, args]
}

test.each([
  ['memory:create blog-db', 'db:create', { name: 'blog-db', on: 'memory' }],
  ['mem:create blog-db --on big', 'db:create', { name: 'blog-db', on: 'big' }],
  ['memory:list', 'db:list', { on: 'memory' }],
  ['memory:destroy blog-db --confirm blog-db', 'db:destroy', { name: 'blog-db', confirm: 'blog-db' }],
  [
    'memory:link blog-db blog -a cache -n',
    'db:attach',
    { app: 'blog', database: 'blog-db', as: 'CACHE', noRestart: true },
  ],
  ['memory:unlink blog-db blog', 'db:detach', { app: 'blog', database: 'blog-db' }],
  ['memory:promote blog-db blog', 'db:promote', { app: 'blog', database: 'blog-db' }],
  ['memory:links blog-db', 'attachments', { database: 'blog-db' }],
  ['memory:clone blog-db copy', 'db:clone', { database: 'blog-db', name: 'copy' }],
  ['memory:connect blog-db', 'db:connect', { database: 'blog-db' }],
  ['memory:logs blog-db -n 5', 'db:logs', { database: 'blog-db', num: 5 }],
])('%s is read in the order that Dokku has', (line, name, args) => {
  const [row, got] = read(line)
  expect(row).toBe(name)
  expect(got).toMatchObject(args)
})

test('only drivers of databases have them, and only while they are there', () => {
  const refused = { message: expect.stringContaining('There is no command') }
  expect(() => read('nginx:create x')).toThrow(expect.objectContaining(refused))
  expect(() => read('memory:constructor x')).toThrow(expect.objectContaining(refused))
  manifests = []
  expect(() => read('memory:create x')).toThrow(expect.objectContaining(refused))
})
