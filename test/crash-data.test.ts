/** What is attached, backed up and restored, while the kernel, the server or the driver is killed. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { app } from './crash-data/changes.ts'
import { play } from './crash-data/play.ts'
import { cache } from './crash-data/servers.ts'
import { plannedCells, tableText } from './crash-data/table.ts'
import { inSystem } from './in-system.ts'
import { example, push } from './repository.ts'

const cells = plannedCells({ full: process.env.MEGAPOLOS_FULL !== undefined })
const results = new Map<string, string>()

describe('a change of data in whose middle somebody is killed is done or not, entirely, and can be made again', () => {
  let disk = ''
  const at = inSystem(async ({ person, system }) => {
    await system.console('drivers:approve', 'memcached')
    for (const words of [['postgres'], ['memcached', '--name', cache, '--memory', '64']])
      await system.console('devices:install', ...words)
    await example(person, 'notes', app)
    await push(person)
    await system.console('db:attach', app, '--create', 'postgres')
    await system.console('volumes:create', 'uploads')
    disk = join(person.folder, 'disk')
    await mkdir(disk)
    await system.console('devices:adopt', 'volume', '--name', 'disk', `path=${disk}`)
    await system.console('backups:capture', `${app}-postgres`)
  })

  afterAll(() => {
    process.stdout.write(`\nHow it was after somebody was killed at a step:\n\n${tableText(results)}\n\n`)
  })

  test.for(cells.map((cell) => [cell.name, cell] as const))('%s', { timeout: 240_000 }, async ([name, cell]) => {
    results.set(name, 'failed')
    const { outcome, wrong } = await play(at, disk, cell)
    if (wrong.length === 0) results.set(name, `ok: ${outcome}`)
    expect(wrong).toEqual([])
  })
})
