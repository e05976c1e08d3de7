/** Databases come and go, and nothing stays of them. */
import { strict as assert } from 'node:assert'
import type { DatabasePromises } from './database-under-test.ts'
import { inWorld } from './database-world.ts'

export const lifePromises: DatabasePromises = {
  'installing again changes nothing, and keeps what is there': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      const { session, reach, login } = await world.enter(database)
      await session.write({ kept: 'yes' })
      await world.install()
      const again = await world.open(reach, login)
      assert.equal(await again.read('kept'), 'yes')
    }),

  'after a restart it answers, and everything is there': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      const { session, reach, login } = await world.enter(database)
      await session.write({ kept: 'yes' })
      await world.driver.restart()
      assert.equal((await world.driver.status()).running, true)
      assert.equal(await (await world.open(reach, login)).read('kept'), 'yes')
    }),

  'creating a database twice is creating it once, and leaves what is in it': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      const { session } = await world.enter(database)
      await session.write({ kept: 'yes' })
      await world.driver.create(database)
      assert.equal(await session.read('kept'), 'yes')
      assert.deepEqual(
        (await world.driver.list()).filter((name) => name === database),
        [database],
      )
    }),

  'dropping takes the data and the logins, though somebody is connected, and can be repeated': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      const { session, login, reach } = await world.enter(database)
      await session.write({ secret: 'of the one before' })
      await world.driver.drop(database)
      await assert.rejects(session.read('secret'), 'the session of a dropped database goes on')
      await world.driver.drop(database)
      assert(!(await world.driver.list()).includes(database))
      await assert.rejects(world.open(reach, login), 'a login outlives its database')

      // Under the same name nothing comes back.
      await world.driver.create(database)
      assert.deepEqual(await world.driver.logins(database), [])
      await assert.rejects(world.open(reach, login), 'a login comes back with the name of its database')
      const { session: next } = await world.enter(database)
      assert.equal(await next.read('secret'), null)
    }),

  'a dropped login’s name can be given to another database': (it) =>
    inWorld(it, async (world) => {
      const [one, two] = [await world.database(), await world.database()]
      const { login } = await world.enter(one)
      await world.driver.drop(one)
      const reach = await world.driver.grant(two, login)
      await (await world.open(reach, login)).write({ a: '1' })
      assert.deepEqual(await world.driver.logins(two), [login.user])
    }),

  'names may be 48 characters long and differ in the last one, or mean something to the server': (it) =>
    inWorld(it, async (world) => {
      const long = `${world.name()}_`.padEnd(47, 'x')
      const names = [`${long}1`, `${long}2`, 'select', 'user', 'table', 'default', 'null', 'a__b', 'z9_']
      try {
        for (const name of names) {
          await world.driver.create(name)
          const login = { user: name, password: `${name.padEnd(48, '7')}` }
          const session = await world.open(await world.driver.grant(name, login), login)
          await session.write({ name })
          await session.close()
        }
        for (const name of names) {
          assert.deepEqual(await world.driver.logins(name), [name])
          const { session } = await world.enter(name)
          assert.equal(await session.read('name'), name)
          await world.driver.revoke(name, name)
        }
        const { bytes } = await world.driver.dump(names[0] as string, new AbortController().signal)
        for await (const _ of bytes);
      } finally {
        for (const name of names) await world.driver.drop(name)
      }
    }),

  'twenty databases may be made, used and dropped at the same time': (it) =>
    inWorld(it, async (world) => {
      const names = Array.from({ length: 20 }, () => world.name())
      await Promise.all(
        names.map(async (name) => {
          await Promise.all([world.driver.create(name), world.driver.create(name)])
          const { session } = await world.enter(name)
          await session.write({ name })
          assert.equal(await session.read('name'), name)
          await session.close()
          await world.driver.drop(name)
        }),
      )
      const left = await world.driver.list()
      assert.deepEqual(
        names.filter((name) => left.includes(name)),
        [],
      )
    }),
}
