import { expect, test } from 'vitest'
import { parseAppJson } from './app-json.ts'
import { planOf } from './plan-for-test.ts'
import { parseProcfile } from './procfile.ts'

test('a tree that no buildpack knows is refused, saying what was looked for', async () => {
  await expect(planOf({ 'README.md': '' })).rejects.toMatchObject({
    code: 'refused',
    message:
      'Nothing in the pushed tree says how to build it: there is no Dockerfile, no package.json and no index.html.',
    hint: expect.stringContaining('Add one'),
  })
})

test('.dockerignore counts for generated images, and .env stays out of them with a warning', async () => {
  const plan = await planOf({ 'index.html': '', '.dockerignore': 'secret\n!keep\n', '.env': 'A=1' })
  expect(plan.ignore).toEqual(['secret', '!keep', '', '**/.env'])
  expect(plan.warnings).toEqual(['.env is left out of the image: set its values with config:set.'])
})

test('without a reason nothing is ignored, so that the tar goes through as it is', async () => {
  expect((await planOf({ 'index.html': '' })).ignore).toEqual([])
})

test('a Procfile with comments and Windows line ends is read', () => {
  expect(parseProcfile('# processes\r\nweb:  node server.js --port $PORT \r\n\r\nworker: a: b\r\n')).toEqual({
    web: 'node server.js --port $PORT',
    worker: 'a: b',
  })
})

test.each([
  ['web: a\n\nweb: b', 'Line 3 of the Procfile names web a second time, after line 1.'],
  ['we b: a', 'Line 1 of the Procfile is not of the form "type: command": we b: a.'],
  ['1web: a', 'Line 1 of the Procfile names the process type "1web"'],
  ['web:', 'Line 1 of the Procfile gives web no command.'],
  ['# nothing', 'The Procfile names no process.'],
])('the Procfile %j is refused', (text, message) => {
  expect(() => parseProcfile(text)).toThrow(message)
})

test('a process type named as something every object has is only a name', () => {
  expect(Object.keys(parseProcfile('constructor: a'))).toEqual(['constructor'])
})

test('app.json gives the health check and the formation', () => {
  const text = JSON.stringify({
    healthchecks: {
      web: [
        { type: 'liveness', path: '/live' },
        { type: 'startup', path: '/up', timeout: 20 },
      ],
    },
    formation: { web: { quantity: 2 }, worker: {} },
  })
  expect(parseAppJson(text)).toEqual({
    checks: { path: '/up', timeout: 20 },
    formation: { web: 2, worker: 1 },
    addons: [],
  })
  expect(parseAppJson('{}')).toEqual({ checks: { path: null, timeout: 60 }, formation: {}, addons: [] })
})

test('attempts and waits of a health check add up', () => {
  const text = JSON.stringify({ healthchecks: { web: [{ path: '/', attempts: 4, timeout: 3, wait: 2 }] } })
  expect(parseAppJson(text).checks.timeout).toBe(20)
})

test('app.json names addons, with or without an alias; their plans mean nothing here', () => {
  const text = '{"addons": ["heroku-some:mini", {"plan": "other:big", "as": "CACHE"}]}'
  expect(parseAppJson(text).addons).toEqual([
    { name: 'heroku-some', as: null },
    { name: 'other', as: 'CACHE' },
  ])
  expect(() => parseAppJson('{"addons": "heroku-some"}')).toThrow('"addons" must be a list')
  expect(() => parseAppJson('{"addons": [{"plan": 1}]}')).toThrow('"addons[0]" names no plan')
})

test.each([
  ['{\n "a": }', /app.json is not valid JSON: there is a mistake in line 2/],
  ['[]', /app.json must be an object/],
  ['{"formation":{"web":{"quantity":-1}}}', /"formation.web.quantity" must be a whole number/],
  ['{"healthchecks":{"web":[{"path":"up"}]}}', /must start with \//],
])('the app.json %j is refused', (text, message) => {
  expect(() => parseAppJson(text)).toThrow(message)
})

test('a mistake in a file of many megabytes is not looked for', async () => {
  const began = performance.now()
  const lock = `[${'1,'.repeat(8_000_000)}x`
  const plan = planOf({ 'package.json': {}, 'package-lock.json': lock, 'index.js': '' })
  await expect(plan).rejects.toMatchObject({ message: 'package-lock.json is not valid JSON.' })
  expect(performance.now() - began).toBeLessThan(2_000)
})

test('submodules are said to be empty, before a build fails for want of them', async () => {
  const plan = await planOf({ 'index.html': '', '.gitmodules': '[submodule "x"]' })
  expect(plan.warnings).toEqual(['Submodules are not fetched: their folders are empty in the build.'])
})

test.each([
  [Array.from({ length: 101 }, (_, n) => `t${n}: x`).join('\n'), /^Line 101 .* at most 100 process types/],
  [`web: ${'x'.repeat(70_000)}`, /^Line 1 .* longer than 64 KB/],
  [`${'a'.repeat(31)}: x`, /^Line 1 .* at most 30 letters/],
  ['__proto__: x', /^Line 1 .* names the process type/],
])('a Procfile that asks for too much is refused with its line', (text, sentence) => {
  expect(() => parseProcfile(text)).toThrow(sentence)
})

test('a process type may have the name of what every object has', () => {
  expect(Object.entries(parseProcfile('constructor: x'))).toEqual([['constructor', 'x']])
})

test.each(['{"formation":{"a b":{}}}', '{"formation":{"__proto__":{"quantity":2}}}'])(
  'app.json may only scale what can be a process type: %s',
  (text) => {
    expect(() => parseAppJson(text)).toThrow('is no process type')
  },
)
