/** For a test file that needs the real thing: the test system, and somebody with an admin's key in a folder of their own. */
import { afterAll, beforeAll } from 'vitest'
import type { Person } from './person.ts'
import { type System, useSystem } from './system.ts'

export interface InSystem {
  system: System
  person: Person
  /** Asks the proxy as curl does; returns what was answered, also when it was an error. */
  get(host: string): Promise<string>
}

/** What it returns is filled before the first test; `prepare` pushes what the tests need. Everything goes after the last. */
export function inSystem(prepare: (at: InSystem) => Promise<void> = async () => {}): InSystem {
  const at = {
    get: async (host: string) => (await at.person.run(['curl', `http://${host}/`])).output,
  } as InSystem

  beforeAll(async () => {
    at.system = await useSystem()
    at.person = await at.system.person()
    await prepare(at)
  }, 600_000)

  afterAll(async () => {
    await at.person?.leave()
    await at.system?.clean()
  }, 120_000)

  return at
}
