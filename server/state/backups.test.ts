import { expect, test } from 'vitest'
import type { Backup, BackupSchedule } from '../domain/backup.ts'
import type { Device } from '../domain/device.ts'
import { onBothStores } from './stores-for-test.ts'

const archive: Omit<Device, 'createdAt'> = {
  ...{ name: 'nas', driver: 'sftp', class: 'archive', node: 'local', as: 'adopted', version: null, state: 'ready' },
  settings: {},
}
const backup: Backup = {
  ...{ id: '1a2b3c4d', kind: 'database', subject: 'blog-db', archive: 'nas', state: 'capturing', bytes: null },
  ...{ summary: null, problem: null, createdAt: '2026-01-31T02:00:00.000Z', createdBy: 'ann', verifiedAt: null },
}
const schedule: Omit<BackupSchedule, 'lastAt'> = {
  ...{ kind: 'database', subject: 'blog-db', archive: 'nas', every: 'day', at: '02:00', keep: 7 },
  ...{ createdAt: '2026-01-31T02:00:00.000Z', createdBy: 'ann' },
}
const good = { bytes: 5, summary: { items: 2, amount: 3, digest: 'd' }, verifiedAt: '2026-01-31T02:01:00.000Z' }

onBothStores((store) => {
  test('a backup only moves on from where it is, and only a proven one is called verified', async () => {
    await store.devices.add(archive)
    await store.backups.add(backup)
    expect(await store.backups.move(backup.id, ['stored'], 'verified', good)).toBe(false)
    await expect(store.backups.move(backup.id, ['capturing'], 'verified')).rejects.toThrow()
    await expect(store.backups.move(backup.id, ['capturing'], 'bad')).rejects.toThrow()
    expect(await store.backups.move(backup.id, ['capturing'], 'verified', good)).toBe(true)
    expect(await store.backups.find(backup.id)).toEqual({ ...backup, ...good, state: 'verified' })
  })

  test('an archive takes what is known of it along, but not while a schedule writes to it', async () => {
    await store.devices.add(archive)
    await store.backups.add(backup)
    await store.schedules.set(schedule)
    await expect(store.devices.remove('nas')).rejects.toThrow()
    await store.schedules.remove('database', 'blog-db')
    await store.devices.remove('nas')
    expect(await store.backups.list()).toEqual([])
    await expect(store.backups.add(backup)).rejects.toThrow('There is no archive nas.')
    await expect(store.schedules.set(schedule)).rejects.toThrow('There is no archive nas.')
  })

  test('a schedule ends with the database or volume that it is of, and with no other of that name', async () => {
    await store.devices.add(archive)
    await store.devices.add({ ...archive, name: 'pg', class: 'database', driver: 'postgres', as: 'container' })
    await store.schedules.set(schedule)
    await store.schedules.set({ ...schedule, kind: 'volume' })
    const kinds = async () => (await store.schedules.list()).map(({ kind }) => kind)
    await store.databases.add({ name: 'blog-db', device: 'pg', handle: 'blog_1', createdBy: 'ann' })
    await store.databases.condemn('blog-db')
    expect(await kinds()).toEqual(['database', 'volume'])
    await store.databases.remove('blog-db')
    expect(await kinds()).toEqual(['volume'])
    const volume = { name: 'blog-db', device: 'nas', path: null, state: 'ready', createdBy: 'ann' } as const
    await store.volumes.forget((await store.volumes.add(volume)).id)
    expect(await kinds()).toEqual([])
  })

  test('the same database has one schedule, and a new one begins anew', async () => {
    await store.devices.add(archive)
    await store.schedules.set(schedule)
    await store.schedules.ran('database', 'blog-db', '2026-02-01T02:00:00.000Z')
    expect(await store.schedules.list()).toEqual([{ ...schedule, lastAt: '2026-02-01T02:00:00.000Z' }])
    await store.schedules.set({ ...schedule, every: 'hour' })
    expect(await store.schedules.list()).toEqual([{ ...schedule, every: 'hour', lastAt: null }])
  })

  test('keys and webhooks come back as they were, a key once', async () => {
    await store.backups.addKey('one')
    await store.backups.addKey('one')
    expect(await store.backups.keys()).toEqual(['one'])
    const { id } = await store.webhooks.add('https://example.com/planted', 'ann')
    expect(await store.webhooks.list()).toMatchObject([{ id, url: 'https://example.com/planted', createdBy: 'ann' }])
    expect([await store.webhooks.remove(id), await store.webhooks.remove(id)]).toEqual([true, false])
  })
})
