/** Databases on devices: made, and destroyed. Each step is noted before it begins. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../domain/database.ts'
import type { Device } from '../domain/device.ts'
import { UserError } from '../errors.ts'
import type { Scratch } from './access.ts'
import type { LeftOvers } from './left-overs.ts'
import { newHandle } from './logins.ts'
import type { AttachmentParts } from './parts.ts'

export type Databases = ReturnType<typeof createDatabases>

/** Containers that are draining may use a login this long (ms) after their app has let go of the database. */
const drainLimit = 100_000

export function createDatabases({ store, devices }: AttachmentParts, leftOvers: LeftOvers) {
  const driverOf = ({ device }: Pick<Database, 'device'>) => devices.database(device)

  /** Throws `conflict` naming who uses it. */
  async function condemn(name: string): Promise<void> {
    if (await store.databases.condemn(name)) return
    const users = await usersOf(name)
    if (users.length === 0) throw new UserError('conflict', `Somebody is at work in ${name}.`, 'Try again later.')
    throw attachedTo(name, users)
  }

  /** Names of the apps that it is attached to, or that still run with it. */
  async function usersOf(name: string): Promise<string[]> {
    const [attachments, logins, apps] = await Promise.all([
      store.attachments.list(),
      store.credentials.list(),
      store.apps.list(),
    ])
    const ids = new Set(attachments.flatMap(({ app, database }) => (database === name ? [app] : [])))
    for (const { app, database, state } of logins) if (database === name && state !== 'revoking') ids.add(app)
    return apps.filter(({ id }) => ids.has(id)).map((app) => app.name)
  }

  /** Until no container is left that may use it. */
  async function abandoned(name: string, emit: (line: string) => void): Promise<void> {
    const end = Date.now() + drainLimit
    await leftOvers.attend()
    if (leftOvers.used(name)) emit('       Waiting for the last containers that use it')
    while (leftOvers.used(name) && Date.now() < end) {
      await delay(200)
      await leftOvers.attend()
    }
  }

  /** Of one that nothing came of. */
  async function undo(name: string): Promise<void> {
    await store.databases.condemn(name)
    await leftOvers.attend()
  }

  return {
    driverOf,

    /** The device that a word means: its name, or that of its driver; the only one when there is no word. */
    async device(word: string | null): Promise<Device> {
      const all = (await store.devices.list()).filter((one) => one.class === 'database')
      const named = all.find(({ name }) => name === word)
      const drivers = devices.manifests().filter(({ name, aliases }) => name === word || aliases.includes(word ?? ''))
      const found = named
        ? [named]
        : word === null
          ? all
          : all.filter((one) => drivers.some(({ name }) => name === one.driver))
      const [only, ...others] = found
      if (only && others.length === 0) return installed(only)
      if (only) {
        const names = found.map(({ name }) => name)
        throw new UserError('usage', `Which one? There are ${names.join(', ')}.`, `Say it: --on ${names[0]}`)
      }
      throw notInstalled(
        word,
        drivers[0]?.name,
        devices.manifests().filter((one) => one.class === 'database'),
      )
    },

    /** `creating` until `ready`, or until the release that it was created for serves. */
    async create(name: string, device: Device, actor: string): Promise<Database> {
      const before = await store.databases.find(name)
      // Its server was away when it was to go.
      if (before?.state === 'destroying') await leftOvers.attend()
      const handle = newHandle(name)
      const database = await store.databases.add({ name, device: device.name, handle, createdBy: actor })
      try {
        await (await driverOf(database)).create(handle)
        return database
      } catch (error) {
        await undo(name)
        throw error
      }
    },
    /** This name, or one like it that nobody has. */
    async freeName(name: string): Promise<string> {
      const taken = new Set((await store.databases.list()).map((one) => one.name))
      for (let n = 1; ; n++) {
        const end = n === 1 ? '' : `-${n}`
        const candidate = `${name.slice(0, 40 - end.length).replace(/-$/, '')}${end}`
        if (!taken.has(candidate)) return candidate
      }
    },
    ready: (name: string) => store.databases.ready(name),
    undo,

    /** Throws what `destroy` would refuse it with. */
    async destroyable(name: string): Promise<void> {
      await store.databases.get(name)
      const users = await usersOf(name)
      if (users.length > 0) throw attachedTo(name, users)
    },

    async destroy(name: string, emit: (line: string) => void): Promise<void> {
      const database = await store.databases.get(name)
      await condemn(name)
      await abandoned(name, emit)
      try {
        await (await driverOf(database)).drop(database.handle)
      } catch (error) {
        // What was begun cannot be taken back: nobody knows whether it was done.
        const hint = `${name} goes as soon as its server answers.`
        throw error instanceof UserError ? new UserError(error.code, error.message, hint) : error
      }
      await store.databases.remove(name)
    },

    async scratch(device: string): Promise<Scratch> {
      const handle = newHandle('scratch')
      await store.databases.addScratch(device, handle)
      // Noted first: when its server is away by then, it is dropped when the server is back.
      const drop = async () => {
        await store.databases.abandonScratch(device, handle)
        await leftOvers.attend()
      }
      try {
        await (await devices.database(device)).create(handle)
      } catch (error) {
        await drop()
        throw error
      }
      return { device, handle, drop }
    },
  }
}

function attachedTo(name: string, users: readonly string[]): UserError {
  const detach = users.map((app) => `db:detach ${app} ${name}`).join(', ')
  return new UserError('conflict', `${name} is attached to ${users.join(', ')}.`, `First: ${detach}`)
}

function installed(device: Device): Device {
  if (device.state === 'ready') return device
  const state = device.state === 'installing' ? 'is still being installed' : 'is being removed'
  throw new UserError('conflict', `${device.name} ${state}.`, 'See it: devices:list')
}

function notInstalled(word: string | null, driver: string | undefined, known: readonly { name: string }[]): UserError {
  const names = known.map(({ name }) => name)
  const hint = `Install one: devices:install ${driver ?? names[0] ?? '<driver>'}`
  if (driver) return new UserError('not-found', `There is no device of the driver ${driver}.`, hint)
  if (word === null) return new UserError('not-found', 'There is no database server here yet.', hint)
  const drivers = names.length > 0 ? `Drivers of databases: ${names.join(', ')}` : 'There is no driver of databases.'
  return new UserError('not-found', `There is no database server named ${word}.`, drivers)
}
