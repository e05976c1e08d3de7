/** Who gets in, who owns, and who is out. */
import { strict as assert } from 'node:assert'
import type { DatabasePromises, Session } from './database-under-test.ts'
import { inWorld, until } from './database-world.ts'

export const loginPromises: DatabasePromises = {
  'a login comes in with its password, and with no other': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      const { login, reach, session } = await world.enter(database)
      await session.write({ a: '1' })
      for (const password of [' ', 'wrong', `${login.password}x`]) {
        await assert.rejects(world.open(reach, { ...login, password }), `it is let in with the password ${password}`)
      }
    }),

  'granting twice is granting once': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      const { login, reach, session } = await world.enter(database)
      await session.write({ a: '1' })
      assert.deepEqual(await world.driver.grant(database, login), reach)
      assert.deepEqual(await world.driver.logins(database), [login.user])
      assert.equal(await session.read('a'), '1')
    }),

  'granting again with another password makes that one the password': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      const { login, reach } = await world.enter(database)
      const changed = { ...login, password: `${login.password}_2` }
      await world.driver.grant(database, changed)
      await world.open(reach, changed)
      await assert.rejects(world.open(reach, login), 'the old password still works')
    }),

  'a login may do nothing in another database': (it) =>
    inWorld(it, async (world) => {
      const [mine, theirs] = [await world.database(), await world.database()]
      const victim = await world.enter(theirs)
      await victim.session.write({ secret: 'theirs' })
      const { login } = await world.enter(mine)
      await assert.rejects(async () => {
        await (await world.open(victim.reach, login)).read('secret')
      }, 'it reads what is another app’s')
    }),

  'what one login made the other one owns too, also after the first is gone': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      const first = await world.enter(database)
      await first.session.write({ made: 'by the first' })
      const second = await world.enter(database)
      assert.deepEqual(
        (await world.driver.logins(database)).toSorted(),
        [first.login.user, second.login.user].toSorted(),
      )
      await second.session.write({ made: 'by the second' })
      await second.session.define?.()
      await first.session.undefine?.()
      await first.session.define?.()
      assert.equal(await first.session.read('made'), 'by the second')

      await world.driver.revoke(database, first.login.user)
      assert.equal(await second.session.read('made'), 'by the second')
      await second.session.undefine?.()
      await second.session.remove('made')
      const third = await world.enter(database)
      await third.session.write({ made: 'by the third' })
      assert.equal(await second.session.read('made'), 'by the third')
    }),

  'a revoked login is out at once and for good, others stay, and it can be repeated': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      const [out, stays] = [await world.enter(database), await world.enter(database)]
      await out.session.write({ a: '1' })
      await world.driver.revoke(database, out.login.user)
      await assert.rejects(out.session.read('a'), 'its session goes on')
      await assert.rejects(world.open(out.reach, out.login), 'it comes in again')
      assert.equal(await stays.session.read('a'), '1')
      await world.driver.revoke(database, out.login.user)
      assert.deepEqual(await world.driver.logins(database), [stays.login.user])
    }),

  'a revoked login can be granted again': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      const { login } = await world.enter(database)
      await world.driver.revoke(database, login.user)
      const session = await world.open(await world.driver.grant(database, login), login)
      await session.write({ a: '1' })
    }),

  'revoking what never was is no error, and neither is another database’s login, which stays': (it) =>
    inWorld(it, async (world) => {
      const [mine, theirs] = [await world.database(), await world.database()]
      const { login, session } = await world.enter(theirs)
      await world.driver.revoke(mine, world.name())
      await world.driver.revoke(mine, login.user)
      assert.deepEqual(await world.driver.logins(theirs), [login.user])
      await session.write({ a: '1' })
    }),

  'ten rotations under use: no request fails': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      let { login, session } = await world.enter(database)
      await session.write({ count: '0' })
      for (let turn = 1; turn <= 10; turn++) {
        const next = await world.enter(database)
        const uses = async (one: Session) => {
          for (let use = 0; use < 10; use++) assert.equal(await one.read('count'), String(turn - 1))
        }
        await Promise.all([uses(session), uses(next.session)])
        await world.driver.revoke(database, login.user)
        await next.session.write({ count: String(turn) })
        ;({ login, session } = next)
      }
      assert.deepEqual(await world.driver.logins(database), [login.user])
    }),

  'one app that opens all the connections it can leaves some for the others and for the kernel': (it) =>
    inWorld(it, async (world) => {
      const greedy = await world.enter(await world.database())
      const other = await world.database()
      const taken = await Promise.allSettled(Array.from({ length: 150 }, () => world.open(greedy.reach, greedy.login)))
      assert(taken.some(({ status }) => status === 'fulfilled'))
      const { session } = await world.enter(other)
      await session.write({ a: '1' })
      await until(world.patience, 'status', async () => (await world.driver.status()).running)
    }),
}
