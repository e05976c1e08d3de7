import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDriver } from '../../drivers/docker/index.ts'
import type { BuilderDriver } from '../devices/classes/builder.ts'
import { createEngine } from '../engine/docker.ts'
import { createLog } from '../log.ts'
import { createBases } from './bases.ts'

const socket = '/var/run/docker.sock'
const language = 'basestest'
const recipe = () => join(buildpacks, language, 'base/run.Dockerfile')
const engine = createEngine({ socket, system: 'test-bases' })
const driver = createDriver({
  folder: '/nonexistent',
  system: 'test',
  settings: {},
  engineSocket: socket,
  log: createLog(() => {}),
})
let buildpacks: string
let built: string[] = []
const recording: BuilderDriver = {
  build: (request, ...rest) => {
    built.push(request.tag)
    return driver.build(request, ...rest)
  },
}
const bases = () => createBases({ mode: 'local', buildpacks, system: 'test-bases' }, () => recording, engine)

beforeAll(() => {
  sweep()
  buildpacks = mkdtempSync(join(tmpdir(), 'megapolos-bases-'))
  mkdirSync(join(buildpacks, language, 'base'), { recursive: true })
  writeFileSync(join(buildpacks, 'order.json'), JSON.stringify([language]))
  const manifest = { name: language, description: '', looksFor: 'x', base: { versions: ['1'], default: '1', hub: 'x' } }
  writeFileSync(join(buildpacks, language, 'buildpack.json'), JSON.stringify(manifest))
  writeFileSync(recipe(), 'ARG FROM\nFROM $FROM\nRUN touch /made\n')
})
afterAll(() => {
  sweep()
  rmSync(buildpacks, { recursive: true })
})

function sweep(): void {
  const images = execFileSync('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}', `megapolos/${language}-run`])
  const names = images.toString().trim()
  if (names) execFileSync('docker', ['rmi', ...names.split('\n')])
}

test('two calls at once make one image, and a third finds it', async () => {
  const images = bases()
  const lines: string[] = []
  await Promise.all([
    images.ensure(language, (line) => lines.push(line)),
    images.ensure(language, (line) => lines.push(line)),
  ])
  const tag = images.reference(language, '1', 'run')
  expect(built.filter((name) => name === tag)).toHaveLength(1)
  expect(lines).toContain(`Waiting for the base ${language}, which another build is making`)
  built = []
  await images.ensure(`${language}:1`, () => {})
  expect(built).toEqual([])
}, 300_000)

test('a changed recipe has another name, so the next build makes it', async () => {
  const before = bases().reference(language, '1', 'run')
  appendFileSync(recipe(), 'RUN touch /more\n')
  expect(bases().reference(language, '1', 'run')).not.toBe(before)
})

test('a recipe that fails is refused with its output, and the next call tries again', async () => {
  appendFileSync(recipe(), 'RUN echo broken; exit 7\n')
  const images = bases()
  for (const _ of [1, 2]) {
    await expect(images.ensure(language, () => {})).rejects.toMatchObject({ code: 'refused', detail: ['broken'] })
  }
}, 60_000)

test('a version that is not on offer is refused naming those that are', async () => {
  await expect(bases().ensure(`${language}:9`, () => {})).rejects.toThrow(
    `There is no base ${language}:9; versions: 1.`,
  )
  await expect(bases().ensure('../etc', () => {})).rejects.toThrow('There are no bases')
})
