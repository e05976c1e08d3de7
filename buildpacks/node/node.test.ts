import { expect, test } from 'vitest'
import { planOf } from '../../server/build/plan-for-test.ts'
import { chooseNode } from './version.ts'

const lock = (...names: string[]) => ({
  lockfileVersion: 3,
  packages: Object.fromEntries(names.map((name) => [`node_modules/${name}`, {}])),
})

test('an app with dependencies installs them in a layer of their own', async () => {
  const plan = await planOf({
    'package.json': { engines: { node: '>=22' }, scripts: { start: 'node server.js' }, dependencies: { ms: '2' } },
    'package-lock.json': lock('ms'),
    'server.js': '',
  })
  expect(plan.dockerfile).toBe(`FROM megapolos/node-build:24-x AS deps
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev && mkdir -p node_modules

FROM megapolos/node-run:24-x
WORKDIR /app
ENV HOME=/app NODE_ENV=production PATH=/app/node_modules/.bin:$PATH
COPY --from=deps --chown=1000:1000 /app/node_modules ./node_modules
COPY --chown=1000:1000 . .
USER 1000
CMD ["/bin/sh", "-c", "node server.js"]
`)
  expect(plan).toMatchObject({
    buildpack: 'node',
    summary: ['Node 24 (engines >=22)'],
    bases: ['node:24'],
    seesConfig: false,
    processes: { web: 'node server.js' },
    hardened: true,
    warnings: [],
  })
})

test('an app without dependencies has nothing but its files', async () => {
  const plan = await planOf({ 'package.json': {}, 'index.js': '' })
  expect(plan.dockerfile).toBe(`FROM megapolos/node-run:24-x
WORKDIR /app
ENV HOME=/app NODE_ENV=production PATH=/app/node_modules/.bin:$PATH
COPY --chown=1000:1000 . .
USER 1000
CMD ["/bin/sh", "-c", "node index.js"]
`)
  expect(plan.warnings).toEqual([])
})

test('a build script sees config vars as a secret and the modules through a mount', async () => {
  const plan = await planOf({
    'package.json': { scripts: { build: 'vite build', start: 'node .' }, devDependencies: { vite: '7' } },
    'package-lock.json': lock('vite'),
  })
  expect(plan.seesConfig).toBe(true)
  expect(plan.dockerfile).toBe(`FROM megapolos/node-build:24-x AS deps
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --include=dev && mkdir -p node_modules

FROM megapolos/node-build:24-x AS build
WORKDIR /app
ENV NODE_ENV=production
COPY . .
ARG MP_CONFIG_HASH=abc
RUN --mount=type=bind,from=deps,source=/app/node_modules,target=/app/node_modules,rw --mount=type=secret,id=mp_env --mount=type=cache,target=/app/node_modules/.cache with-config npm run build

FROM deps AS production
RUN --mount=type=cache,target=/root/.npm npm prune --omit=dev && mkdir -p node_modules

FROM megapolos/node-run:24-x
WORKDIR /app
ENV HOME=/app NODE_ENV=production PATH=/app/node_modules/.bin:$PATH
COPY --from=production --chown=1000:1000 /app/node_modules ./node_modules
COPY --from=build --chown=1000:1000 /app ./
USER 1000
CMD ["/bin/sh", "-c", "node ."]
`)
})

test('scripts that npm runs by itself, and workspaces, get the whole tree', async () => {
  for (const more of [{ scripts: { postinstall: 'node x.js', start: 'node .' } }, { workspaces: ['a'] }]) {
    const plan = await planOf({
      'package.json': { dependencies: { ms: '2' }, ...more },
      'package-lock.json': lock('ms'),
      'server.js': '',
    })
    expect(plan.dockerfile).toContain('COPY . .\nRUN --mount=type=cache,target=/root/.npm npm ci --include=dev')
    expect(plan.dockerfile).toContain('COPY --from=build --chown=1000:1000 /app ./')
  }
})

test("Heroku's postbuild script stands in for build", async () => {
  const plan = await planOf({ 'package.json': { scripts: { 'heroku-postbuild': 'a', build: 'b', start: 'c' } } })
  expect(plan.dockerfile).toContain('with-config npm run heroku-postbuild')
})

test('without a lockfile it installs with a warning', async () => {
  const plan = await planOf({ 'package.json': { dependencies: { ms: '2' } }, 'index.js': '' })
  expect(plan.dockerfile).toContain('npm install --omit=dev')
  expect(plan.warnings).toEqual(['There is no package-lock.json: versions of packages may differ from build to build.'])
})

test('a lockfile that lacks a package is refused naming it', async () => {
  const files = { 'package.json': { dependencies: { express: '5' } }, 'package-lock.json': lock('ms'), 'index.js': '' }
  await expect(planOf(files)).rejects.toMatchObject({
    code: 'refused',
    message: 'package-lock.json does not match package.json: it lacks express.',
  })
})

test('other package managers are refused naming what gave them away', async () => {
  await expect(planOf({ 'package.json': {}, 'yarn.lock': '' })).rejects.toThrow('The app has yarn.lock, but')
  await expect(planOf({ 'package.json': { packageManager: 'pnpm@10.0.0' } })).rejects.toThrow('asks for pnpm')
})

test('an app that nothing starts is refused', async () => {
  await expect(planOf({ 'package.json': {} })).rejects.toMatchObject({ code: 'refused' })
})

test('the Procfile decides what runs', async () => {
  const plan = await planOf({ 'package.json': {}, Procfile: 'web: node a.js\nworker: node b.js\n' })
  expect(plan.processes).toEqual({ web: 'node a.js', worker: 'node b.js' })
})

test('broken JSON is refused with the place', async () => {
  await expect(planOf({ 'package.json': '{\n  "a": 1,,\n}' })).rejects.toThrow(
    /package.json is not valid JSON: .*line 2/,
  )
})

test.each([
  ['>=18', '24', false],
  ['22', '22', false],
  ['^22.3.0', '22', false],
  ['22.x', '22', false],
  ['>=18 <23', '22', false],
  ['>= 18.0.0 < 23', '22', false],
  ['18 || 22', '22', false],
  ['20 - 22', '22', false],
  ['>24', '26', false],
  ['*', '24', false],
  ['lts/*', '24', false],
  ['lts/jod', '22', false],
  ['node', '26', false],
  ['v22.3.0', '22', true],
  ['18', '22', true],
  ['^30', '26', true],
  ['nonsense', '24', true],
])('Node %s is given %s', (text, version, warned) => {
  const choice = chooseNode({ text, from: 'engines' }, { all: ['22', '24', '26'], default: '24' })
  expect(choice.version).toBe(version)
  expect(choice.warning !== null).toBe(warned)
})
