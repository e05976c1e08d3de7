/** What a state promises that is restored on another machine than it was saved on, on both databases. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStore, restoreState } from './open.ts'
import { quiet, startStore } from './stores-for-test.ts'

const device = { class: 'database', node: 'local', version: null, state: 'ready', settings: {} } as const

test.each(['sqlite', 'rqlite'] as const)(
  '%s: what was on servers and disks of the old machine is lost, what is elsewhere is not',
  async (kind) => {
    const { store, folder, config, key, stop } = await startStore(kind)
    await store.devices.add({ ...device, name: 'pg', driver: 'postgres', as: 'container' })
    await store.devices.add({ ...device, name: 'far', driver: 'postgres', as: 'adopted' })
    await store.devices.add({ ...device, name: 'disk', driver: 'directory', class: 'storage', as: 'built-in' })
    const app = await store.apps.create('blog', 'ann')
    for (const on of ['pg', 'far']) {
      await store.databases.add({ name: `db-${on}`, device: on, handle: `db_${on}`, createdBy: 'ann' })
      await store.databases.ready(`db-${on}`)
      await store.credentials.add({
        user: `u_${on}`,
        password: 'p',
        database: `db-${on}`,
        handle: `db_${on}`,
        app: app.id,
      })
    }
    for (const [name, path] of [
      ['uploads', null],
      ['given', '/srv/given'],
    ] as const) {
      const { id } = await store.volumes.add({ name, device: 'disk', path, state: 'creating', createdBy: 'ann' })
      await store.volumes.move(id, 'creating', 'ready')
    }
    await store.databases.addScratch('pg', 'scratch_1')
    await store.backup(join(folder, 'saved'))
    await restoreState(config, join(folder, 'saved'), { elsewhere: true })
    const restored = await openStore({ config, key, log: quiet })

    expect((await restored.devices.list()).map(({ name, state }) => `${name} ${state}`)).toEqual([
      ...['disk ready', 'far installing', 'pg installing'],
    ])
    const lost = async () =>
      [...(await restored.databases.list()), ...(await restored.volumes.list())].filter((one) => one.lost)
    expect((await lost()).map(({ name }) => name)).toEqual(['db-pg', 'uploads'])
    expect((await restored.credentials.list()).map(({ user }) => user)).toEqual(['u_far'])
    expect(await restored.databases.scratches()).toEqual([])

    await restored.databases.addScratch('pg', 'scratch_2')
    await restored.databases.found('db-pg', 'scratch_2')
    expect(await restored.databases.get('db-pg')).toMatchObject({ handle: 'scratch_2', lost: false })
    expect(await restored.databases.scratches()).toEqual([])
    await restored.close()
    await stop()
  },
)
