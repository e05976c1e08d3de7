import { afterAll, describe, expect, test } from 'vitest'
import { play } from './crash/play.ts'
import { plannedCells, tableText } from './crash/table.ts'
import { inSystem } from './in-system.ts'

const cells = plannedCells({
  full: process.env.MEGAPOLOS_FULL !== undefined,
  rqlite: process.env.MEGAPOLOS_STORE !== 'sqlite',
})
const results = new Map<string, string>()

describe('a push in whose middle somebody is killed is done or refused entirely, and can be made again', () => {
  let top = ''
  const at = inSystem(async ({ person }) => {
    top = person.folder
  })

  afterAll(() => {
    const table = tableText((step, victim) => results.get(`${victim} at ${step}`))
    process.stdout.write(`\nWhich version serves after the victim was killed at the step of a push:\n\n${table}\n\n`)
  })

  test.for(cells.map((cell) => [`${cell.victim.name} at ${cell.step.name}`, cell] as const))(
    '%s',
    { timeout: 180_000 },
    async ([name, cell], { skip }) => {
      const spared = (await cell.victim.spared?.()) ?? null
      if (spared !== null) {
        results.set(name, spared)
        skip(spared)
      }
      results.set(name, 'failed')
      at.person.folder = top
      const { outcome, wrong } = await play(at, cell)
      if (wrong.length === 0) results.set(name, `ok: ${outcome}`)
      expect(wrong).toEqual([])
    },
  )
})
