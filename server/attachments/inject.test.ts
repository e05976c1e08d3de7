import { expect, test } from 'vitest'
import { injected, injectedNames, templateProblem } from './inject.ts'
import { memoryManifest } from './memory-driver-for-test.ts'

const template = memoryManifest.attach as NonNullable<typeof memoryManifest.attach>
const login = {
  ...{ user: 'blog_1', password: 'p{host}' },
  reach: { host: '10.64.0.1', port: 5432, database: 'blog_db' },
}

test('what is injected is named after the alias, and made of the login', () => {
  const reference = {
    alias: 'CACHE',
    database: 'blog-db',
    env: { DB_NAME: '{database}', DSN: '{host}:{port}/{nothing}' },
  }
  expect(injected(reference, template, login)).toEqual({
    CACHE_URL: 'memory://blog_1:p{host}@10.64.0.1:5432/blog_db',
    DB_NAME: 'blog_db',
    DSN: '10.64.0.1:5432/{nothing}',
  })
  expect(injectedNames(reference, template)).toEqual(['CACHE_URL', 'DB_NAME', 'DSN'])
})

test('a field that stands for nothing is named, with those that do', () => {
  expect(templateProblem('{host}:{port}')).toBeNull()
  expect(templateProblem('{hots}')).toMatch(/^\{hots\} stands for nothing; there are \{host\} \{port\}/)
})
