/** A restore brings all of it, or nothing, and says what is wrong. */
import { strict as assert } from 'node:assert'
import { Readable } from 'node:stream'
import type { DatabasePromises } from './database-under-test.ts'
import { dumped, fails, inDumps, type World } from './database-world.ts'
import { within } from './within.ts'

const restore = (world: World, database: string, bytes: Iterable<Buffer> | AsyncIterable<Buffer>) =>
  world.driver.restore(database, Readable.from(bytes), new AbortController().signal)

export const restorePromises: DatabasePromises = {
  'a dump that is cut anywhere is refused, and the whole one is taken after it': (it) =>
    inDumps(it, async (world) => {
      const [from, to] = [await world.database(), await world.database()]
      const { session } = await world.enter(from)
      await session.write(Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`key ${n}`, `${n}`.repeat(200)])))
      await session.define?.()
      const { bytes, contents } = await dumped(world, from)
      const empty = await world.driver.inspect(to)
      const size = bytes.length
      const cuts = [1, 5, 20, ...[1, 2, 3, 4, 5, 6, 7].map((part) => Math.floor((size * part) / 8))]
      for (const cut of [...cuts, size - 100, size - 6, size - 2, size - 1]) {
        await fails(restore(world, to, [bytes.subarray(0, cut)]), 'refused').catch((error) => {
          throw new assert.AssertionError({ message: `cut at ${cut} of ${size} bytes: ${error.message}` })
        })
        assert.deepEqual(await world.driver.inspect(to), empty, `something stayed of the first ${cut} bytes`)
      }
      await restore(world, to, [bytes])
      assert.deepEqual(await world.driver.inspect(to), contents)
    }),

  'bytes that break off with an error leave nothing, and no program waits for more': (it) =>
    inDumps(it, async (world) => {
      const [from, to] = [await world.database(), await world.database()]
      await (await world.enter(from)).session.fill(4)
      const { bytes } = await dumped(world, from)
      const empty = await world.driver.inspect(to)
      const breaking = async function* () {
        yield bytes.subarray(0, bytes.length / 2)
        throw new Error('the archive is gone')
      }
      await assert.rejects(within(world.patience, 'a broken restore', restore(world, to, breaking())))
      assert.deepEqual(await world.driver.inspect(to), empty)
      await restore(world, to, [bytes])
    }),

  'a cancelled restore ends at once, as cancelled, and leaves nothing': (it) =>
    inDumps(it, async (world) => {
      const [from, to] = [await world.database(), await world.database()]
      await (await world.enter(from)).session.fill(4)
      const { bytes } = await dumped(world, from)
      const empty = await world.driver.inspect(to)
      const cancelled = new AbortController()
      const never = new Promise<never>(() => {})
      const halting = async function* () {
        yield bytes.subarray(0, bytes.length / 2)
        cancelled.abort()
        await never
      }
      const restoring = world.driver.restore(to, Readable.from(halting()), cancelled.signal)
      await within(10, 'a cancelled restore', fails(restoring, 'cancelled'))
      assert.deepEqual(await world.driver.inspect(to), empty)
      await restore(world, to, [bytes])
    }),

  'a database that has something in it is not filled, and keeps what it has': (it) =>
    inDumps(it, async (world) => {
      const [from, to] = [await world.database(), await world.database()]
      await (await world.enter(from)).session.write({ a: 'from the dump' })
      const { session } = await world.enter(to)
      await session.write({ a: 'there before' })
      await fails(restore(world, to, [(await dumped(world, from)).bytes]), 'refused')
      assert.equal(await session.read('a'), 'there before')
    }),

  'a login that was there before the restore owns what it brought': (it) =>
    inDumps(it, async (world) => {
      const [from, to] = [await world.database(), await world.database()]
      const source = await world.enter(from)
      await source.session.write({ a: '1' })
      await source.session.define?.()
      const { session } = await world.enter(to)
      await restore(world, to, [(await dumped(world, from)).bytes])
      await session.undefine?.()
      await session.write({ a: '2' })
      assert.equal(await session.read('a'), '2')
      assert.equal(await source.session.read('a'), '1')
    }),

  'no login is left over from a restore': (it) =>
    inDumps(it, async (world) => {
      const [from, to] = [await world.database(), await world.database()]
      const { login } = await world.enter(from)
      const { bytes } = await dumped(world, from)
      await restore(world, to, [bytes])
      assert.deepEqual(await world.driver.logins(from), [login.user])
      assert.deepEqual(await world.driver.logins(to), [])
    }),
}
