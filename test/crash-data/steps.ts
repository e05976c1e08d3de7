/**
 * Where a change can be caught, and how it is kept there: by freezing the one that has to answer, where there is one. A new
 * container of the app cannot open its database while the gatekeeper of the server is frozen; one that runs is not disturbed.
 */
import { until } from '../crash/cell.ts'
import { freeze } from '../crash/processes.ts'
import type { InSystem } from '../in-system.ts'
import { quickly } from '../quickly.ts'
import { stored } from '../stored.ts'
import type { Cell } from './cell.ts'
import { app } from './changes.ts'
import { cache, driverOf, gatekeepers } from './servers.ts'

export type Thaw = () => void

export interface Step {
  readonly name: string
  /** Before the command is said. What it returns thaws what it froze. */
  begin?(at: InSystem): Promise<Thaw>
  /** Resolves when the change is there. */
  reach(cell: Cell): Promise<Thaw>
}

const nothing = () => {}
const frozenServer = async ({ system }: InSystem): Promise<Thaw> => freeze(await gatekeepers(system))

export const steps: readonly Step[] = [
  { name: 'create', begin: frozenServer, reach: (cell) => says(cell, 'Creating') },
  {
    name: 'create by its driver',
    async begin({ system }) {
      await system.console('devices:logs', cache)
      return freeze([await driverOf(system, cache)])
    },
    reach: (cell) => says(cell, 'Creating'),
  },
  { name: 'grant', reach: (cell) => has(cell, "SELECT 1 FROM credentials WHERE state = 'granting'") },
  {
    name: 'start',
    async reach(cell) {
      await granted(cell)
      const thaw = await frozenServer(cell.at)
      await second(cell)
      return thaw
    },
  },
  {
    name: 'start with it',
    begin: frozenServer,
    reach: (cell) => second(cell).then(() => nothing),
  },
  {
    // The store has said that the new group serves; the proxy is told in these milliseconds.
    name: 'switch',
    reach: (cell) => has(cell, `SELECT 1 FROM apps WHERE "group" <> '${cell.group}'`),
  },
  {
    // A request keeps the group before from ending, and so its login.
    name: 'revoke',
    async reach(cell) {
      await cell.running.ended
      return has(cell, "SELECT 1 FROM credentials WHERE state = 'revoking'")
    },
    async begin({ person }) {
      void person.run(['curl', `http://${app}.localhost/slow?ms=15000`])
      return nothing
    },
  },
  { name: 'dump', begin: frozenServer, reach: (cell) => says(cell, 'Backing up') },
  { name: 'read back', reach: (cell) => says(cell, 'Reading it back') },
  { name: 'compare', reach: (cell) => says(cell, 'Comparing') },
  { name: 'note', reach: (cell) => has(cell, 'SELECT 1 FROM volume_attachments') },
  { name: 'image', reach: (cell) => says(cell, 'Installing') },
  { name: 'run', reach: (cell) => says(cell, 'Starting the server') },
]

async function says({ running }: Cell, text: string): Promise<Thaw> {
  await until(`it says "${text}": ${running.said()}`, () => running.said().includes(text), 60)
  return nothing
}

async function has({ at }: Cell, question: string): Promise<Thaw> {
  await until(`the store has: ${question}`, async () => (await stored(at.system, question)).length > 0, 60)
  return nothing
}

const granted = (cell: Cell) => has(cell, "SELECT 1 FROM credentials WHERE state = 'granting' AND reach IS NOT NULL")

/** Until the app has a second container. */
async function second({ at, group }: Cell): Promise<void> {
  const asked = ['ps', '--filter', `label=megapolos.system=${at.system.label}`]
  await until('a container of a new group runs', async () => {
    const groups = await quickly('docker', ...asked, '--format', '{{.Label "megapolos.group"}}')
    return groups.split('\n').some((one) => one.trim() !== '' && one !== group)
  })
}
