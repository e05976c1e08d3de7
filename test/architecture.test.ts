/** Keeps the map of the house true: who may know whom, and that lists match folders. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isTest, listing, root, type Source, sources } from './sources.ts'

const all = sources()
const house = all.filter((source) => !isTest(source))

const stages = ['push', 'build', 'release', 'rollout', 'route']
/** Who knows the order of the stages. */
const order = ['pipeline.ts', 'changes']
const vocabulary = ['errors.ts', 'log.ts', 'steps.ts', 'synced.ts', 'config.ts', 'domain']
const tools = ['engine', 'state', 'live', 'events', 'jobs', 'devices', 'network']

/** Place → the places it may import, besides itself. Types count as well: who names a type knows its owner. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  'errors.ts': [],
  'log.ts': [],
  'steps.ts': [],
  'synced.ts': [],
  'config.ts': ['errors.ts'],
  engine: vocabulary,
  state: vocabulary,
  live: [...vocabulary, 'engine', 'state'],
  events: [...vocabulary, 'state', 'live'],
  jobs: [...vocabulary, 'state', 'live', 'events'],
  network: [...vocabulary, 'engine', 'state'],
  devices: [...vocabulary, 'state', 'engine', 'network'],
  // Looks at what all of them left, and is asked by the pipeline alone.
  gc: [...vocabulary, ...tools],
  // A stage is (input, ports) → output and never knows another stage; only the pipeline has their order.
  ...Object.fromEntries(stages.map((stage) => [stage, [...vocabulary, ...tools]])),
  // Looks at everything, and touches nothing.
  doctor: [...vocabulary, ...tools],
  // Answers what is asked while the kernel does not run.
  'flags.ts': [...vocabulary, ...tools, 'home.ts', 'open'],
  // Prepares the data home before the parts are built.
  'home.ts': [...vocabulary, 'push'],
  ...Object.fromEntries(
    order.map((file) => [file, [...vocabulary, ...stages, ...tools, ...order, 'attachments', 'mounts']]),
  ),
  // Build and join what main.ts starts, a file for each part of the house.
  open: [...vocabulary, 'attachments', 'backups', 'build', 'certificates', 'mounts', ...tools],
  backups: [...vocabulary, 'push', 'attachments', ...tools],
  certificates: [...vocabulary, ...tools],
  // Ties what devices provide to apps; the order of their changes is the pipeline's.
  attachments: [...vocabulary, ...tools],
  mounts: [...vocabulary, ...tools],
  // Settles what a dead kernel left before anything new begins.
  'aftermath.ts': [...vocabulary, 'jobs', 'state'],
  // Commands see the parts only as types, through kernel.ts (a test below).
  commands: [
    ...vocabulary,
    ...stages,
    ...tools,
    ...order,
    'attachments',
    'backups',
    'certificates',
    'doctor',
    'gc',
    'mounts',
  ],
  doors: [...vocabulary, 'commands', 'engine', 'push', 'live', 'views'],
  drivers: [...vocabulary, 'devices'],
  buildpacks: [...vocabulary, 'build'],
  views: [...vocabulary, 'commands'],
  // The two ends of a terminal session speak one format.
  hooks: ['doors'],
}

test('every place imports only what it may', () => {
  const wrong = house.flatMap((source) =>
    source.imports
      .filter(({ place }) => place !== null && place !== source.place)
      .filter(({ place }) => !(free(source) || mayImport[source.place]?.includes(place ?? '')))
      .map(({ from }) => `${source.path} imports ${from}`),
  )
  expect(wrong).toEqual([])
})

/** Programs of their own: the kernel, what install.sh asks before there is one, and the bench, which looks from outside. */
const programs = ['server/main.ts', 'server/build/bases-cli.ts', 'server/backups/restore.ts']
const free = (source: Source) => programs.includes(source.path) || source.place === 'bench'

test('commands reach the parts only through what they are given', () => {
  const wrong = house
    .filter(({ place }) => place === 'commands')
    .flatMap(({ path, imports }) =>
      imports
        .filter(({ place, typeOnly }) => place !== null && !typeOnly && ![...vocabulary, 'commands'].includes(place))
        .map(({ from }) => `${path} imports ${from}`),
    )
  expect(wrong).toEqual([])
})

test.each([
  ['dockerode', /^(dockerode|docker-modem)(\/|$)/, 'engine'],
  ['ioredis', /^ioredis$/, 'live'],
  ['SQLite', /^node:sqlite$/, 'state'],
])('only one folder imports %s', (_, name, place) => {
  expect(pathsWhere((source) => source.place !== place && source.imports.some(({ from }) => name.test(from)))).toEqual(
    [],
  )
})

test('only state/ has SQL, and drivers speak it to their servers', () => {
  const statement = /\b(SELECT\s[^']*\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE)\b/
  expect(pathsWhere(({ place, text }) => place !== 'state' && place !== 'drivers' && statement.test(text))).toEqual([])
})

test('only config.ts reads the environment', () => {
  // Hooks are no part of the kernel: sshd and git tell them everything through theirs.
  const readers = ({ path, place }: Source) => path === 'server/config.ts' || place === 'hooks'
  expect(pathsWhere((source) => !readers(source) && /\bprocess\.env\b/.test(source.text))).toEqual([])
})

test('no program is ever started through a shell string', () => {
  const strings = /\bshell:\s*true\b|import\s*(\{[^}]*\bexec(Sync)?\b[^}]*\}|\*[^;]*)\s*from 'node:child_process'/
  expect(all.filter(({ text }) => strings.test(text)).map(({ path }) => path)).toEqual([])
})

test('files are small: 250 lines at most, doors less than 150, a file of tests 500', () => {
  const limit = (source: Source) => (isTest(source) ? 500 : source.place === 'doors' ? 149 : 250)
  expect(all.filter((source) => source.lines > limit(source)).map(({ path, lines }) => `${path}: ${lines}`)).toEqual([])
})

test('the buildpack order lists every buildpack', () => {
  const order: string[] = JSON.parse(readFileSync(join(root, 'buildpacks/order.json'), 'utf8'))
  expect([...order].sort()).toEqual(
    listing('buildpacks').filter((name) => !name.includes('.') && name !== 'conformance'),
  )
})

test('migrations are numbered without a gap', () => {
  const numbers = listing('server/state/migrations').map((name) => Number(name.slice(0, 4)))
  expect(numbers).toEqual(numbers.map((_, index) => index + 1))
})

test('the command table lists every file of commands', () => {
  const index = all.find(({ path }) => path === 'server/commands/index.ts')
  const listed = index?.imports.map(({ from }) => from) ?? []
  const topics = house.filter(
    ({ path, text }) => path.startsWith('server/commands/') && /\b(terminalC|c)ommand\(\{/.test(text),
  )
  expect(topics.map(({ path }) => path).filter((path) => !listed.includes(path))).toEqual([])
})

function pathsWhere(wrong: (source: Source) => boolean): string[] {
  return house.filter((source) => source.place !== 'bench' && wrong(source)).map(({ path }) => path)
}
