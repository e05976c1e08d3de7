/** What can be seen of a database without a client: nobody has to speak the server's language for it. */
import { strict as assert } from 'node:assert'
import { Readable } from 'node:stream'
import type { DatabasePromises } from './database-under-test.ts'
import { dumped, fails, inDumps, inWorld } from './database-world.ts'

const anySignal = () => new AbortController().signal

export const barePromises: DatabasePromises = {
  'it runs, and tells its version': (it) =>
    inWorld(it, async ({ driver, database }) => {
      await database()
      const status = await driver.status()
      assert.equal(status.running, true)
      assert.equal(status.problem, null)
      assert.match(status.version ?? '', /^\d+(\.\d+)*/)
    }),

  'a driver that begins anew knows everything that the one before it made': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      const login = world.login()
      const reach = await world.driver.grant(database, login)
      const fresh = await world.again()
      assert.equal((await fresh.status()).running, true)
      assert((await fresh.list()).includes(database))
      assert.deepEqual(await fresh.logins(database), [login.user])
      assert.deepEqual(await fresh.grant(database, login), reach)
    }),

  'a new database is empty, and has no logins': (it) =>
    inDumps(it, async (world) => {
      const database = await world.database()
      const { tables } = await world.driver.inspect(database)
      assert.equal(
        tables.reduce((rows, table) => rows + table.rows, 0),
        0,
      )
      assert.deepEqual(await world.driver.logins(database), [])
    }),

  'the list is of the databases made here, and of no others': (it) =>
    inWorld(it, async (world) => {
      const before = await world.driver.list()
      const [one, two] = [await world.database(), await world.database()]
      assert.deepEqual((await world.driver.list()).toSorted(), [...before, one, two].toSorted())
    }),

  'dropping what never was is no error': (it) => inWorld(it, ({ driver, name }) => driver.drop(name())),

  'no login is given for a database that is not there, and none is left of it': (it) =>
    inWorld(it, async (world) => {
      const database = world.name()
      const login = world.login()
      await fails(world.driver.grant(database, login), 'not-found', 'refused')
      await world.driver.create(database)
      assert.deepEqual(await world.driver.logins(database), [])
    }),

  'an empty database can be dumped and restored': (it) =>
    inDumps(it, async (world) => {
      const [from, to] = [await world.database(), await world.database()]
      const { bytes, contents } = await dumped(world, from)
      await world.driver.restore(to, Readable.from([bytes]), anySignal())
      assert.deepEqual(await world.driver.inspect(to), contents)
    }),

  'of a database that is not there nothing is dumped or told': (it) =>
    inDumps(it, async ({ driver, name }) => {
      const database = name()
      await fails(driver.inspect(database), 'not-found', 'refused')
      await fails(driver.dump(database, anySignal()), 'not-found', 'refused')
    }),

  'what is no dump is refused, and the database stays as it was': (it) =>
    inDumps(it, async (world) => {
      const database = await world.database()
      const before = await world.driver.inspect(database)
      const garbage = [Buffer.from(''), Buffer.from('hello\n'), Buffer.alloc(200_000, 7), Buffer.from('SELECT 1;\n')]
      for (const bytes of garbage) {
        await fails(world.driver.restore(database, Readable.from([bytes]), anySignal()), 'refused')
        assert.deepEqual(await world.driver.inspect(database), before)
      }
    }),
}
