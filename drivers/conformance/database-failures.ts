/** The server dies or stands still in the middle of anything: it is said, and the same call finishes it later. */
import { strict as assert } from 'node:assert'
import { Readable } from 'node:stream'
import type { DatabasePromises } from './database-under-test.ts'
import { contentsOf, dumped, fails, inWorld, until, type World } from './database-world.ts'
import { within } from './within.ts'

const anySignal = () => new AbortController().signal
const back = (world: World) =>
  until(world.patience, 'the server is back', async () => (await world.driver.status()).running)

export const failurePromises: DatabasePromises = {
  'a killed server has lost nothing that was written': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      const { session, login, reach } = await world.enter(database)
      await session.write({ kept: 'yes' })
      await world.kill()
      await assert.rejects(session.read('kept'), 'the server was not killed')
      await back(world)
      assert.equal(await (await world.open(reach, login)).read('kept'), 'yes')
    }),

  'a server that is killed during a call: the same call finishes it': (it) =>
    inWorld(it, async (world) => {
      const database = world.name()
      const login = world.login()
      const calls: Readonly<Record<string, () => Promise<unknown>>> = {
        create: () => world.driver.create(database),
        grant: () => world.driver.grant(database, login),
        revoke: () => world.driver.revoke(database, login.user),
        drop: () => world.driver.drop(database),
      }
      for (const [name, call] of Object.entries(calls)) {
        const killed = Promise.allSettled([call(), world.kill()])
        await within(world.patience, `${name} of a dying server`, killed)
        await back(world)
        await call()
        const there = (await world.driver.list()).includes(database)
        assert.equal(there, name !== 'drop', `after ${name}`)
        if (there) assert.deepEqual(await world.driver.logins(database), name === 'grant' ? [login.user] : [])
      }
    }),

  'a server that is killed during a dump: the contents reject, however it looked': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      await (await world.enter(database)).session.fill(24)
      const dump = await world.driver.dump(database, anySignal())
      const read = async () => {
        let first = true
        for await (const _ of dump.bytes) {
          if (first) await world.kill()
          first = false
        }
      }
      await within(
        world.patience,
        'the rest of the dump',
        read().catch(() => {}),
      )
      await fails(contentsOf(world, dump), 'unavailable', 'refused')
      await back(world)
      await dumped(world, database)
    }),

  'a server that is killed during a restore: it is said, and the next restore succeeds': (it) =>
    inWorld(it, async (world) => {
      const [from, to] = [await world.database(), await world.database()]
      await (await world.enter(from)).session.fill(4)
      const { bytes, contents } = await dumped(world, from)
      const dying = async function* () {
        yield bytes.subarray(0, bytes.length / 2)
        await world.kill()
        yield bytes.subarray(bytes.length / 2)
      }
      await fails(world.driver.restore(to, Readable.from(dying()), anySignal()), 'unavailable', 'refused')
      await back(world)
      await world.driver.restore(to, Readable.from([bytes]), anySignal())
      assert.deepEqual(await world.driver.inspect(to), contents)
    }),

  'a server that stands still is told as unavailable, calls end, and it goes on as if nothing had been': (it) =>
    inWorld(it, async (world) => {
      const database = await world.database()
      const { session } = await world.enter(database)
      await session.write({ a: '1' })
      const thaw = await world.freeze()
      try {
        const status = await world.driver.status()
        assert.equal(status.running, false)
        assert.match(status.problem ?? '', /\w.*\.$/)
        await fails(world.driver.grant(database, world.login()), 'unavailable')
        await fails(world.driver.inspect(database), 'unavailable')
      } finally {
        await thaw()
      }
      await back(world)
      assert.equal(await session.read('a'), '1')
    }),
}
