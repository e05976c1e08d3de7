import { afterEach, beforeEach, expect, test } from 'vitest'
import { type House, openHouse } from '../../test/backup-house.ts'
import type { BackupSchedule } from '../domain/backup.ts'
import { UserError } from '../errors.ts'
import { quiet } from '../state/stores-for-test.ts'
import { keepSchedules } from './scheduler.ts'

let house: House
let stop: AbortController
let time: Date
beforeEach(async () => {
  house = await openHouse()
  stop = new AbortController()
  time = new Date('2026-01-31T12:00:00Z')
})
afterEach(async () => {
  stop.abort()
  await house.stop()
})

const schedule: Omit<BackupSchedule, 'lastAt'> = {
  ...{ kind: 'database', subject: 'blog', archive: 'disk', every: 'day', at: '02:00', keep: 2 },
  ...{ createdAt: '2026-01-31T11:00:00.000Z', createdBy: 'ann' },
}

function keep() {
  const { store, backups } = house
  const kept = keepSchedules({ store, backups, log: quiet, now: () => time, every: 5, again: 60_000 }, stop.signal)
  return async () => {
    stop.abort()
    await kept
  }
}

const states = async () => (await house.store.backups.list()).map(({ state }) => state)

test('one is made when it is due, and not again before the next time', async () => {
  await house.store.schedules.set(schedule)
  const end = keep()
  await expect.poll(async () => (await house.store.schedules.list()).length).toBe(1)
  expect(await states()).toEqual([])
  time = new Date('2026-02-01T02:00:00Z')
  await expect.poll(states).toEqual(['verified'])
  await expect.poll(async () => (await house.store.schedules.list())[0]?.lastAt).toBe(time.toISOString())
  time = new Date('2026-02-02T01:59:00Z')
  await end()
  expect(await states()).toEqual(['verified'])
})

test('several that were missed while the kernel was away are one, made when it is back', async () => {
  await house.store.schedules.set(schedule)
  time = new Date('2026-02-20T08:00:00Z')
  const end = keep()
  await expect.poll(async () => (await house.store.schedules.list())[0]?.lastAt).toBe(time.toISOString())
  await end()
  expect(await states()).toEqual(['verified'])
})

test('one that fails is told of, and tried again after a while', async () => {
  await house.store.schedules.set(schedule)
  house.server.faults = {
    dump: async () => {
      throw new UserError('unavailable', 'The server does not answer.')
    },
  }
  time = new Date('2026-02-01T02:00:00Z')
  const end = keep()
  await expect.poll(states).toEqual(['failed'])
  await expect
    .poll(() => house.journal.join('\n'))
    .toContain('backup by schedule was refused: The dump of blog broke off')
  house.server.faults = {}
  time = new Date('2026-02-01T02:02:00Z')
  await expect.poll(states).toEqual(['verified', 'failed'])
  await end()
})

test('only as many good ones stay as it keeps', async () => {
  await house.store.schedules.set(schedule)
  const end = keep()
  for (const day of [1, 2, 3, 4]) {
    time = new Date(`2026-02-0${day}T02:00:00Z`)
    await expect.poll(async () => (await house.store.schedules.list())[0]?.lastAt).toBe(time.toISOString())
  }
  await expect.poll(states).toEqual(['verified', 'verified'])
  await end()
  expect(await house.files()).toHaveLength(2)
})
