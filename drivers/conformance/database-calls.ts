/** What a driver's own calls promise of themselves: nobody has to speak the server's language to see it. */
import { strict as assert } from 'node:assert'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import type { DatabasePromises } from './database-under-test.ts'
import { dumped, fails, inDumps, inWorld, planted, until, type World } from './database-world.ts'
import { programsSeen } from './programs.ts'
import { within } from './within.ts'

export const callPromises: DatabasePromises = {
  'every call can be repeated, and does only what is missing': (it) =>
    inWorld(it, async ({ driver, name, login: newLogin }) => {
      const [database, login] = [name(), newLogin()]
      const twice = async <T>(call: () => Promise<T>) => [await call(), await call()] as const
      await twice(() => driver.create(database))
      assert.equal((await driver.list()).filter((one) => one === database).length, 1, 'it is listed more than once')
      const [first, second] = await twice(() => driver.grant(database, login))
      assert.deepEqual(second, first)
      assert.deepEqual(await driver.logins(database), [login.user])
      await twice(() => driver.revoke(database, login.user))
      assert.deepEqual(await driver.logins(database), [])
      await twice(() => driver.drop(database))
      assert(!(await driver.list()).includes(database), 'it is still listed')
    }),

  'no login comes back with the name of a dropped database': (it) =>
    inWorld(it, async (world) => {
      const { driver } = world
      const { database } = await granted(world)
      await driver.drop(database)
      await driver.create(database)
      assert.deepEqual(await driver.logins(database), [])
    }),

  'another installation and a restart keep databases, logins and addresses': (it) =>
    inWorld(it, async (world) => {
      const { driver } = world
      const { database, login, reach } = await granted(world)
      for (const disturb of [world.install, driver.restart]) {
        await disturb()
        await until(world.patience, 'it runs', async () => (await driver.status()).running)
        assert((await driver.list()).includes(database), 'the database is gone')
        assert.deepEqual(await driver.logins(database), [login.user])
        assert.deepEqual(await driver.grant(database, login), reach)
      }
    }),

  'where a login leads, somebody listens': (it) =>
    inWorld(it, async (world) => {
      const { reach } = await granted(world)
      await until(world.patience, `somebody listens at ${reach.host}:${reach.port}`, () => listens(reach))
    }),

  'what is done to one database changes nothing of another': (it) =>
    inWorld(it, async (world) => {
      const { driver } = world
      const [one, other] = [await granted(world), await granted(world)]
      await driver.revoke(one.database, one.login.user)
      assert.deepEqual(await driver.logins(other.database), [other.login.user])
      await driver.drop(one.database)
      assert((await driver.list()).includes(other.database), 'the other database is gone')
      assert.deepEqual(await driver.logins(other.database), [other.login.user])
      assert.deepEqual(await driver.grant(other.database, other.login), other.reach)
    }),

  'five databases may be made, opened and dropped at the same time': (it) =>
    inWorld(it, async ({ driver, name, login }) => {
      const names = Array.from({ length: 5 }, name)
      await Promise.all(
        names.map(async (database) => {
          await Promise.all([driver.create(database), driver.create(database)])
          const mine = login()
          await driver.grant(database, mine)
          assert.deepEqual(await driver.logins(database), [mine.user])
          await driver.drop(database)
        }),
      )
      const left = await driver.list()
      assert.deepEqual(
        names.filter((one) => left.includes(one)),
        [],
      )
    }),

  'no password is in the words of any program while logins come and go, nor in the log': (it) =>
    inWorld(it, async (world) => {
      const { driver } = world
      const { seen } = await programsSeen(planted, async () => {
        const { database, login } = await granted(world)
        await driver.grant(database, { ...login, password: `${login.password}_2` })
        const { exec } = await driver.connect(database, login)
        assert(exec.command.length > 0, 'connect has no program')
        assert(!exec.command.some((word) => word.includes(login.password)), 'connect has the password in its words')
        await driver.revoke(database, login.user)
      })
      assert.equal(seen, 0, 'a password was in the process list')
      assert(!(await driver.logs(2000)).join('\n').includes(planted), 'a password is in the log')
    }),

  'two empty databases have the same contents, and looking changes nothing': (it) =>
    inDumps(it, async (world) => {
      const [one, other] = [await world.database(), await world.database()]
      const contents = await world.driver.inspect(one)
      assert.deepEqual(await world.driver.inspect(one), contents)
      assert.deepEqual(await world.driver.inspect(other), contents)
    }),

  'the dump of an empty database that is cut anywhere is refused': (it) =>
    inDumps(it, async (world) => {
      const [from, to] = [await world.database(), await world.database()]
      const { bytes, contents } = await dumped(world, from)
      const restore = (part: Buffer) => world.driver.restore(to, Readable.from([part]), new AbortController().signal)
      for (const size of [1, Math.floor(bytes.length / 2), bytes.length - 1]) {
        await fails(restore(bytes.subarray(0, size)), 'refused')
        assert.deepEqual(await world.driver.inspect(to), contents, `something stayed of the first ${size} bytes`)
      }
      await restore(bytes)
    }),

  'what is cancelled ends at once, as cancelled': (it) =>
    inDumps(it, async (world) => {
      const { driver, patience } = world
      const [from, to] = [await world.database(), await world.database()]
      await fails(driver.inspect(from, AbortSignal.abort()), 'cancelled')
      await fails(driver.dump(from, AbortSignal.abort()), 'cancelled')
      const { bytes, contents } = await dumped(world, from)
      const cancelled = new AbortController()
      const halting = async function* () {
        yield bytes.subarray(0, bytes.length / 2)
        cancelled.abort()
        await new Promise<never>(() => {})
      }
      const restoring = driver.restore(to, Readable.from(halting()), cancelled.signal)
      await within(patience, 'a cancelled restore', fails(restoring, 'cancelled'))
      assert.deepEqual(await driver.inspect(to), contents)
    }),
}

async function granted(world: World) {
  const [database, login] = [await world.database(), world.login()]
  return { database, login, reach: await world.driver.grant(database, login) }
}

async function listens({ host, port }: { readonly host: string; readonly port: number }): Promise<boolean> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
