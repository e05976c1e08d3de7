import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { rows } from '../server/commands/index.ts'
import { inSystem } from './in-system.ts'
import { example, push } from './repository.ts'

// In an order that leaves each something to do; the last one is the end of the app.
const commands: readonly (readonly [line: string, inputFile?: string])[] = [
  ['config:set blog GREETING=Hello COLOUR=blue'],
  ['config:set blog LATER=1 --no-restart'],
  ['config:unset blog COLOUR'],
  ['config:import blog', 'GREETING=Hi\nCOLOUR=red\n'],
  ['ps:scale blog web=3 worker=1'],
  ['ps:scale blog web=1'],
  ['ps:scale blog web=1'],
  ['ps:limit blog web=256M'],
  ['ps:restart blog'],
  ['ps:stop blog'],
  ['ps:scale blog web=2'],
  ['ps:start blog'],
  ['releases:rollback blog v1'],
  ['domains:set blog example.com www.example.com'],
  ['domains:add blog *.example.com www.example.com'],
  ['domains:remove blog example.com'],
  ['domains:set blog example.org'],
  ['domains:add blog example.net/api'],
  ['domains:set-canonical blog example.org'],
  ['redirects:add blog old.example.org example.org'],
  ['redirects:remove blog old.example.org'],
  ['proxy:set blog timeout=90 hsts=on'],
  ['auth:set blog ann'],
  ['auth:remove blog ann'],
  ['maintenance:on blog'],
  ['maintenance:off blog'],
  ['domains:clear blog'],
  ['volumes:attach blog uploads'],
  ['volumes:attach blog data --path /data'],
  ['volumes:detach blog data'],
  ['storage:mount blog data:/mnt/data'],
  ['volumes:detach blog uploads'],
  ['db:attach blog main'],
  ['db:attach blog other --as OTHER'],
  ['db:promote blog other'],
  ['db:detach blog main'],
  ['links:add blog shop'],
  ['links:remove blog shop --no-restart'],
  ['links:add blog shop --as other-shop --no-restart'],
  ['links:remove blog shop'],
  ['server:gc'],
  ['apps:destroy blog --confirm blog'],
]

/** What these would do is told in sentences about what is no app; other tests show them. */
const elsewhere = [
  ...['db:destroy', 'db:credentials', 'volumes:destroy', 'devices:install', 'devices:remove'],
  ...['drivers:approve', 'backups:restore', 'backups:restore-all', 'backups:delete'],
  ...['certs:remove', 'certs:revoke'],
]

describe('a dry run', () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'node-procfile', 'blog')
    await push(person)
    const prepared = ['apps:create shop', 'devices:install postgres', 'db:create main', 'db:create other']
    for (const line of [...prepared, 'volumes:create uploads', 'volumes:create data'])
      await person.must('ssh', 'megapolos', line)
  })

  async function json(line: string, input: string) {
    const from = join(at.person.folder, 'input')
    await writeFile(from, input)
    const to = join(at.person.folder, 'output')
    const { exit, output } = await at.person.run(['ssh', 'megapolos', `${line} --format json`], { from, to })
    expect(exit, output).toBe(0)
    return JSON.parse(await at.person.must('cat', to)) as {
      planned: boolean
      operations: string[]
      release: number | null
    }
  }

  test('is tried here for every command that takes one', () => {
    const tried = new Set([...elsewhere, ...commands.map(([line]) => line.split(' ')[0])])
    const offered = rows.filter((row) => 'dryRun' in row.args.shape).map((row) => row.name)
    expect(offered.filter((name) => !tried.has(name))).toEqual([])
  })

  test.each(commands.map(([line, input = '']) => [line, input] as const))(
    'of %s prints what is then done',
    { timeout: 120_000 },
    async (line, input) => {
      const plan = await json(`${line} --dry-run`, input)
      const done = await json(line, input)
      expect(plan.planned).toBe(true)
      expect(done.planned).toBe(false)
      // Containers start and are checked side by side, so their order is not part of the promise.
      expect([...done.operations].sort()).toEqual([...plan.operations].sort())
    },
  )
})
