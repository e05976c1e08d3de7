/** What a push costs in numbers that are the same on every machine: times are noise, so these are what must not grow. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Person } from './person.ts'
import { commit, edit, example, push } from './repository.ts'
import { type System, useSystem } from './system.ts'

let system: System
let person: Person
beforeAll(async () => {
  system = await useSystem()
  person = await system.person()
})
afterAll(async () => {
  await person.leave()
  await system.clean()
})

interface Job {
  readonly id: number
  readonly state: string
  readonly steps: readonly { readonly name: string; readonly depth: number }[]
}

/** The account of a job is there when it has ended, a moment after the push has. */
async function lastJob(): Promise<Job> {
  for (;;) {
    const [{ id, state }] = JSON.parse(await system.console('jobs:list', 'blog', '--num', '1', '--format', 'json'))
    if (state !== 'running') return JSON.parse(await system.console('jobs:info', String(id), '--format', 'json'))
    await pause(50)
  }
}

test('a push of a one-line change asks the store, the engine and the proxy no more often than it has to', async () => {
  await example(person, 'node-procfile', 'blog')
  await writeFile(join(person.folder, 'Procfile'), 'web: node web.js\n')
  await commit(person, 'Only web')
  await push(person)
  await edit(person, 'web.js', `'version one'`, `'version two'`)
  await commit(person, 'Change a line')
  await push(person)

  const { steps } = await lastJob()
  // Whether it has to wait for the end of the push before it is chance; its turn is a call of the store's then.
  const own = steps.filter(
    ({ depth }, n) => steps.slice(0, n).findLast((one) => one.depth < depth)?.name !== 'wait for its turn',
  )
  const asked = (whom: string) => own.map(({ name }) => name).filter((name) => name.startsWith(`${whom}: `))
  // Six of the store's: what is attached, whom it calls, where volumes are (before, while and after a group starts), what was
  // left over.
  const most = { store: 24, docker: 11, proxy: 2 }
  for (const [whom, times] of Object.entries(most)) {
    expect(asked(whom).length, asked(whom).join('\n')).toBeLessThanOrEqual(times)
    expect(asked(whom).length, `${whom} is in the account`).toBeGreaterThan(0)
  }
})

test('people see where the time of a push went', async () => {
  const { id } = await lastJob()
  const said = await system.console('jobs:info', String(id))
  expect(said).toMatch(/^Time:\n(?: .*\n)*? {2}built: \d+ ms$/m)
  expect(said).toMatch(/^ {2}rolled out: \d+ ms\n(?: {4}.*\n)*? {4}docker: POST \/containers\/…\/start: \d+ ms$/m)
})
