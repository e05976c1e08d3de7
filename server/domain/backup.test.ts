import { expect, test } from 'vitest'
import { type Backup, backupFile, dueAfter, parseBackupFile, superfluous } from './backup.ts'

const day = (n: number) => `2026-01-${String(n).padStart(2, '0')}T02:00:00.000Z`

function backup(n: number, state: Backup['state'] = 'verified'): Backup {
  const id = `0000000${n}`.slice(-8)
  const nothing = { summary: null, problem: null, verifiedAt: null }
  return {
    ...{ id, kind: 'database', subject: 'blog', archive: 'nas', state, bytes: 1 },
    ...{ createdAt: day(n), createdBy: 'root', ...nothing },
  }
}

test('the name of a file says all that an empty installation has to know', () => {
  const file = backupFile(backup(3))
  expect(file).toBe('databases/blog/2026-01-03-020000-00000003.age')
  expect(parseBackupFile(file)).toEqual({ kind: 'database', subject: 'blog', createdAt: day(3), id: '00000003' })
})

test.each([
  'databases/blog/notes.txt',
  'databases/../2026-01-03-020000-00000003.age',
  'databases/blog/2026-13-03-020000-00000003.age',
  'things/blog/2026-01-03-020000-00000003.age',
])('%s is none of ours', (file) => expect(parseBackupFile(file)).toBeNull())

test('the newest good ones stay, and what did not prove itself goes with its age', () => {
  const all = [backup(1), backup(2, 'bad'), backup(3), backup(4, 'failed'), backup(5), backup(6, 'bad')]
  expect(superfluous(all, 2).map(({ createdAt }) => createdAt)).toEqual([day(2), day(1)])
})

test('the last good one never goes, whatever came after it', () => {
  const all = [backup(1), backup(2, 'bad'), backup(3, 'failed'), backup(4, 'stored')]
  expect(superfluous(all, 1)).toEqual([])
  expect(superfluous(all, 0)).toEqual([])
  expect(superfluous([backup(1, 'bad'), backup(2, 'stored')], 1)).toEqual([])
})

test.each([
  ['hour', '00:30', '2026-01-31T23:29:59Z', '2026-01-31T23:30:00.000Z'],
  ['hour', '00:30', '2026-01-31T23:30:00Z', '2026-02-01T00:30:00.000Z'],
  ['day', '02:00', '2026-01-31T01:59:00Z', '2026-01-31T02:00:00.000Z'],
  ['day', '02:00', '2026-01-31T02:00:00Z', '2026-02-01T02:00:00.000Z'],
  // 31 January 2026 is a Saturday.
  ['week', '02:00', '2026-01-31T12:00:00Z', '2026-02-01T02:00:00.000Z'],
  ['week', '02:00', '2026-02-01T02:00:00Z', '2026-02-08T02:00:00.000Z'],
] as const)('every %s at %s: after %s it is due at %s', (every, at, after, due) => {
  expect(dueAfter({ every, at }, new Date(after)).toISOString()).toBe(due)
})
