/** What the promises of a builder are tried with: a small source, and names that no other build has. */
import { strict as assert } from 'node:assert'
import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Pack, pack } from 'tar-stream'
import type { BuildRequest } from '../../server/devices/classes/builder.ts'
import type { BuilderUnderTest } from './builder-under-test.ts'

export interface BuilderWorld extends BuilderUnderTest {
  /** Eight hexadecimal digits of this proof alone: also its app. */
  readonly mark: string
  readonly tag: string
  /** What the last build has told. */
  readonly lines: readonly string[]
  /** Builds these steps on the base; the image. */
  build(steps: string, more?: Partial<BuildRequest>, signal?: AbortSignal): Promise<string>
  /** The tar of a tree, removed afterwards. */
  source(fill: (tar: Pack) => void): Promise<string>
}

const tree = { 'kept.txt': 'kept', 'left-out.txt': 'secret', 'folder/inner.txt': 'inner', 'folder/no.log': 'log' }

export async function inBuilder(it: BuilderUnderTest, play: (world: BuilderWorld) => Promise<void>): Promise<void> {
  const mark = randomBytes(4).toString('hex')
  const tag = `megapolos-test/conformance-${mark}:latest`
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-builder-'))
  const lines: string[] = []
  const source = async (fill: (tar: Pack) => void) => {
    const path = join(folder, `${randomBytes(4).toString('hex')}.tar`)
    const tar = pack()
    fill(tar)
    tar.finalize()
    await pipeline(tar as AsyncIterable<Buffer>, createWriteStream(path))
    return path
  }
  const small = await source((tar) => {
    for (const [path, text] of Object.entries(tree)) tar.entry({ name: path }, text)
  })
  const [label = '', value = ''] = it.label.split('=')
  const build = async (steps: string, more: Partial<BuildRequest> = {}, signal = new AbortController().signal) => {
    lines.length = 0
    const request: BuildRequest = {
      ...{ app: mark, source: small, dockerfile: 'Recipe', ignore: [], tag, secrets: {} },
      ...more,
      labels: { [label]: value, ...more.labels },
      files: { Recipe: `FROM ${it.base}\n${steps}\n`, ...more.files },
    }
    return (await it.driver.build(request, (line) => lines.push(line), signal)).image
  }
  try {
    await play({ ...it, mark, tag, lines, build, source })
  } finally {
    await rm(folder, { recursive: true })
  }
}

interface Failure {
  readonly code?: string
  readonly message: string
  readonly detail?: readonly string[]
}

/** The failure of a build that must not succeed. */
export async function failed(building: Promise<unknown>, code: string): Promise<Failure> {
  const failure = await building.then(
    () => null,
    (error: unknown) => error as Failure,
  )
  assert(failure !== null, 'the build succeeded')
  assert.equal(failure.code, code, failure.message)
  return failure
}
