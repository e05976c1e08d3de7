import { expect, test } from 'vitest'
import { parseManifest } from './manifest.ts'

const good = {
  name: 'nginx',
  version: '1.0.0',
  class: 'proxy',
  contract: 1,
  runs: 'module',
  description: 'Sends requests',
  privileges: ['network'],
}
const problemOf = (change: object) => {
  const read = parseManifest(JSON.stringify({ ...good, ...change }))
  return 'problem' in read ? read.problem : null
}

test('a whole manifest is read as it is', () => {
  const left = { aliases: [], installs: [], versions: [], attach: null, image: null }
  expect(parseManifest(JSON.stringify(good))).toEqual({ manifest: { ...good, ...left } })
})

test('what an attached app gets is checked: names of variables, and what their values are made of', () => {
  const attach = {
    as: 'DATABASE',
    env: { '{AS}_URL': '{url}' },
    url: 'postgres://{user}:{password}@{host}:{port}/{database}',
  }
  expect(problemOf({ attach })).toBeNull()
  expect(problemOf({ attach: { ...attach, as: 'database' } })).toContain('attach.as: must be a name such as DATABASE')
  expect(problemOf({ attach: { ...attach, env: { '{AS}-URL': '{url}' } } })).toContain(
    'must be a name such as {AS}_URL',
  )
  expect(problemOf({ attach: { ...attach, url: '{token}' } })).toContain('attach.url: may only use {host} {port}')
})

const image = { packages: ['python3'], command: ['python3', 'driver.py'] }
const apart = { runs: 'container', class: 'database', image }

test('the engine itself is only for a driver that is trusted code', () => {
  expect(problemOf({ ...apart, privileges: ['engine'] })).toContain('engine is for drivers that run as a module')
  expect(problemOf({ ...apart, privileges: ['containers'] })).toBeNull()
})

test('a driver that runs as a container says in what, and a module does not', () => {
  expect(problemOf({ ...apart, image: null })).toContain('image: says what a driver runs in')
  expect(problemOf({ image })).toContain('image: says what a driver runs in')
  expect(problemOf({ ...apart, image: { ...image, packages: ['-o=APT::x'] } })).toContain('image.packages.0')
  expect(problemOf({ ...apart, image: { ...image, command: [] } })).toContain('image.command')
  expect(problemOf({ ...apart, image: { ...image, network: 'host' } })).toContain('the unknown field network')
})

test('a class whose drivers must be trusted has none that run as containers', () => {
  for (const of of ['proxy', 'builder', 'storage'])
    expect(problemOf({ ...apart, class: of })).toContain('only drivers of the classes database and archive')
})

test('an unknown field is an error that names it', () => {
  expect(problemOf({ colour: 'red' })).toBe('has the unknown field colour')
})

test('every field is checked, and the message names the field', () => {
  expect(problemOf({ contract: 2 })).toContain('contract')
  expect(problemOf({ class: 'toaster' })).toContain('class')
  expect(problemOf({ privileges: ['root'] })).toContain('privileges.0')
  expect(problemOf({ name: '../etc' })).toContain('name: must be lower-case')
  expect(problemOf({ version: 'new' })).toContain('version: must be three numbers')
  expect(problemOf({ description: undefined })).toContain('description')
})

test('what is not JSON is said to be none', () => {
  expect(parseManifest('{')).toEqual({ problem: 'is not JSON' })
})
