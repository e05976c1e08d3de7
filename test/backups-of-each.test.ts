/** Every database driver that is shipped: what was backed up, then lost, comes back. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'

const sql = {
  fill: "CREATE TABLE notes (id INT PRIMARY KEY, text VARCHAR(50)); INSERT INTO notes VALUES (1, 'first'), (2, 'zweite ä');",
  ask: 'SELECT count(*), max(text) FROM notes;',
  answer: /2\s*\|?\s*zweite ä/,
  holds: '1 table, 2 rows',
}
const drivers: Readonly<Record<string, typeof sql>> = {
  postgres: sql,
  mariadb: sql,
  redis: {
    fill: 'SET one first\nRPUSH two a b c',
    ask: 'GET one\nLRANGE two 0 -1',
    answer: /first[\s\S]*a[\s\S]*b[\s\S]*c/,
    holds: '2 rows',
  },
}

describe('a database that was lost', { timeout: 280_000 }, () => {
  const at = inSystem(async ({ person }) => {
    await mkdir(join(person.folder, 'disk'))
    await person.must('ssh', 'megapolos', 'devices:adopt', 'volume', '--name', 'disk', `path=${person.folder}/disk`)
  })
  const megapolos = (...words: string[]) => at.person.must('ssh', 'megapolos', ...words)
  const client = async (database: string, text: string) => {
    const from = join(at.person.folder, 'input')
    await writeFile(from, `${text}\n`)
    return (await at.person.run(['ssh', 'megapolos', 'db:connect', database], { from })).output
  }

  test.each(Object.keys(drivers))('of %s comes back from its backup', async (driver) => {
    const { fill, ask, answer, holds } = drivers[driver] ?? sql
    await megapolos('devices:install', driver)
    await megapolos('db:create', `of-${driver}`, '--on', driver)
    await client(`of-${driver}`, fill)
    expect(await megapolos('backups:capture', `of-${driver}`)).toContain(holds)
    await megapolos('db:destroy', `of-${driver}`, '--confirm', `of-${driver}`)
    await megapolos('backups:restore', `of-${driver}`)
    expect(await client(`of-${driver}`, ask)).toMatch(answer)
  })
})
