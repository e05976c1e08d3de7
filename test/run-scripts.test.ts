import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, test } from 'vitest'
import type { Person } from './person.ts'
import { play } from './play.ts'
import { parseScript } from './script.ts'
import { type System, useSystem } from './system.ts'

const folder = join(import.meta.dirname, 'scripts')

describe('scripts', () => {
  let system: System
  let person: Person

  beforeAll(async () => {
    system = await useSystem()
  }, 600_000)

  beforeEach(async () => {
    person = await system.person()
  })

  afterEach(async () => {
    await person.leave()
    await system.clean()
  }, 120_000)

  for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
    const script = parseScript(readFileSync(join(folder, file), 'utf8'))
    test(`${file}: ${script.promise}`, { timeout: 600_000 }, () => play(script, person, system.httpPort))
  }
})
