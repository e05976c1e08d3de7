import { expect, test } from 'vitest'
import type { Device } from '../domain/device.ts'
import { onBothStores } from './stores-for-test.ts'

const pg: Omit<Device, 'createdAt'> = {
  ...{ name: 'pg', driver: 'postgres', class: 'database', node: 'local', as: 'container', version: '17' },
  ...{ state: 'installing', settings: { memory: 512 } },
}

onBothStores((store) => {
  test('a device is kept as it was said, and moves from state to state once', async () => {
    await store.devices.add(pg)
    expect(await store.devices.get('pg')).toMatchObject(pg)
    expect(await store.devices.move('pg', ['installing'], 'ready')).toBe(true)
    expect(await store.devices.move('pg', ['installing'], 'ready')).toBe(false)
    expect(await store.devices.move('pg', ['installing', 'ready'], 'removing')).toBe(true)
    expect((await store.devices.get('pg')).state).toBe('removing')
  })

  test('a name is taken once, and a wrong one is told the nearest', async () => {
    await store.devices.add(pg)
    await expect(store.devices.add(pg)).rejects.toMatchObject({ code: 'conflict' })
    await expect(store.devices.get('pgg')).rejects.toMatchObject({ code: 'not-found', hint: 'Did you mean pg?' })
  })

  test('secrets of a device are its own, and gone with it', async () => {
    await store.devices.add(pg)
    await store.devices.add({ ...pg, name: 'other' })
    await store.deviceSecrets.set('pg', 'admin', 'first')
    await store.deviceSecrets.set('pg', 'admin', 'sesame')
    expect(await store.deviceSecrets.get('pg', 'admin')).toBe('sesame')
    expect(await store.deviceSecrets.get('other', 'admin')).toBeNull()
    await store.deviceSecrets.set('pg', 'admin', null)
    expect(await store.deviceSecrets.get('pg', 'admin')).toBeNull()
    await store.deviceSecrets.set('pg', 'admin', 'again')
    await store.devices.remove('pg')
    await store.devices.add(pg)
    expect(await store.deviceSecrets.get('pg', 'admin')).toBeNull()
    await expect(store.deviceSecrets.set('gone', 'admin', 'x')).rejects.toMatchObject({ code: 'not-found' })
  })

  test('an endpoint keeps its address, and a free one is given again', async () => {
    await store.devices.add(pg)
    await store.devices.add({ ...pg, name: 'other' })
    expect(await store.endpoints.reserve('pg', 'main', 5432)).toBe(1)
    expect(await store.endpoints.reserve('other', 'main', 5432)).toBe(2)
    expect(await store.endpoints.reserve('pg', 'main', 5433)).toBe(1)
    expect((await store.endpoints.list())[0]).toEqual({ device: 'pg', name: 'main', host: 1, port: 5433 })
    await store.devices.remove('pg')
    expect(await store.endpoints.reserve('other', 'second', 80)).toBe(1)
    await store.endpoints.release('other', 'main')
    expect(await store.endpoints.reserve('other', 'third', 80)).toBe(2)
    await expect(store.endpoints.reserve('gone', 'main', 1)).rejects.toMatchObject({ code: 'not-found' })
  })

  test('two who ask at the same time get two addresses', async () => {
    await store.devices.add(pg)
    const hosts = await Promise.all([...'abcdef'].map((name) => store.endpoints.reserve('pg', name, 80)))
    expect(hosts.toSorted()).toEqual([1, 2, 3, 4, 5, 6])
  })
})
