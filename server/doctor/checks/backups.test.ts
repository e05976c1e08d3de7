import { expect, test } from 'vitest'
import type { Backup, BackupSchedule } from '../../domain/backup.ts'
import { commandsOf, type House } from '../check.ts'
import { backups } from './backups.ts'

const commands = commandsOf({ home: '/var/lib/megapolos', program: '/opt/megapolos/current' })
const schedule: BackupSchedule = {
  ...{ kind: 'database', subject: 'blog-db', archive: 'nas', every: 'day', at: '02:00', keep: 7 },
  ...{ createdAt: '2026-01-01T12:00:00.000Z', createdBy: 'ann', lastAt: null },
}
const good: Backup = {
  ...{ id: '1a2b3c4d', kind: 'database', subject: 'blog-db', archive: 'nas', state: 'verified', bytes: 1 },
  ...{ summary: null, problem: null, createdAt: '2026-01-05T02:00:00.000Z', createdBy: 'schedule', verifiedAt: null },
}
const bad: Backup = { ...good, state: 'bad', createdAt: '2026-01-06T02:00:00.000Z', problem: 'An index is missing.' }

async function found(now: string, made: readonly Backup[]) {
  const store = { schedules: { list: async () => [schedule] }, backups: { list: async () => made } }
  const facts = await backups.probe({ store, now: () => Date.parse(now) } as unknown as House)
  return backups.judge(facts, commands)
}

test('one that missed a whole time is an error, with what went wrong', async () => {
  expect(await found('2026-01-07T01:59:00Z', [bad, good])).toEqual([])
  expect(await found('2026-01-07T02:00:00Z', [bad, good])).toEqual([
    {
      severity: 'error',
      problem: 'blog-db has no good backup for 48 h. The last try: An index is missing.',
      fix: 'megapolos backups:capture blog-db',
    },
  ])
})

test('one that was never made is told of as well, and what was bad does not count', async () => {
  expect(await found('2026-01-02T12:00:00Z', [])).toEqual([])
  expect((await found('2026-01-07T02:00:00Z', [bad]))[0]?.problem).toMatch(
    /^blog-db has no good backup at all, in spite/,
  )
})
