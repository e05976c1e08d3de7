/** A dump is one moment of a database, and its contents say what is in it. */
import { strict as assert } from 'node:assert'
import { Readable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { DatabasePromises } from './database-under-test.ts'
import { contentsOf, dumped, fails, inDumps, until } from './database-world.ts'
import { programsWith } from './programs.ts'
import { within } from './within.ts'

const anySignal = () => new AbortController().signal

export const dumpPromises: DatabasePromises = {
  'what is dumped and restored is the same: values, definitions, contents': (it) =>
    inDumps(it, async (world) => {
      const [from, to] = [await world.database(), await world.database()]
      const { session } = await world.enter(from)
      await session.write(values)
      await session.define?.()
      const { bytes, contents } = await dumped(world, from)
      assert.deepEqual(contents, await world.driver.inspect(from))
      await world.driver.restore(to, Readable.from([bytes]), anySignal())
      assert.deepEqual(await world.driver.inspect(to), contents)
      const restored = (await world.enter(to)).session
      for (const [key, value] of Object.entries(values)) assert.equal(await restored.read(key), value)
      await restored.write({ key: 'and it can be used' })
      await restored.undefine?.()
    }),

  'contents are sorted, and do not depend on the order in which it was written': (it) =>
    inDumps(it, async (world) => {
      const databases = [await world.database(), await world.database()]
      const entries = Object.entries(values)
      for (const [index, database] of databases.entries()) {
        const { session } = await world.enter(database)
        for (const [key, value] of index === 0 ? entries : entries.toReversed()) await session.write({ [key]: value })
      }
      const [one, two] = await Promise.all(databases.map((database) => world.driver.inspect(database)))
      assert.deepEqual(one, two)
      const names = one?.tables.map(({ name }) => name) ?? []
      assert.deepEqual(names, names.toSorted())
      assert.deepEqual(one?.definitions, one?.definitions.toSorted())
    }),

  'contents tell one changed value, one row more, two values exchanged, and that all is as it was': (it) =>
    inDumps(it, async (world) => {
      const database = await world.database()
      const { session } = await world.enter(database)
      await session.write({ ...values, a: '1', b: '2' })
      const before = await world.driver.inspect(database)
      const changes: Record<string, string>[] = [{ a: '2' }, { a: '2', b: '1' }, { more: '1' }, { a: '' }, { a: '1 ' }]
      for (const change of changes) {
        await session.write(change)
        const seen = await world.driver.inspect(database)
        assert.notDeepEqual(seen, before, `unseen: ${JSON.stringify(change)}`)
        assert.deepEqual((await dumped(world, database)).contents, seen)
        await session.write({ a: '1', b: '2' })
        await session.remove('more')
        assert.deepEqual(await world.driver.inspect(database), before)
      }
    }),

  'contents tell a missing definition': (it) =>
    inDumps(it, async (world) => {
      const database = await world.database()
      const { session } = await world.enter(database)
      await session.write(values)
      if (session.define === null || session.undefine === null) return
      await session.define()
      const before = await world.driver.inspect(database)
      await session.undefine()
      assert.notDeepEqual((await world.driver.inspect(database)).definitions, before.definitions)
    }),

  'a dump during heavy writes is one moment, its contents are of the same one, and the writers go on': (it) =>
    inDumps(it, async (world) => {
      const database = await world.database()
      const { session, reach, login } = await world.enter(database)
      await session.fill(4)
      await session.write(values)
      let written = 0
      let stopped = false
      const write = async (writer: number) => {
        const mine = await world.open(reach, login)
        for (let turn = 0; !stopped; turn++) {
          await mine.write({
            [`left${writer}`]: String(turn),
            [`right${writer}`]: String(turn),
            // Not ever more of them: whoever writes fast would make each dump longer than the one before.
            [`${writer}_${turn % 200}`]: 'x',
          })
          written += 1
        }
      }
      const writers = Promise.all([0, 1, 2, 3].map(write))
      writers.catch(() => {})
      try {
        for (let round = 0; round < 3; round++) {
          const before = written
          await until(world.patience, 'writing', () => written > before + 20)
          const { bytes, contents } = await dumped(world, database)
          assert(written > before + 21, 'the writers stood still')
          const to = await world.database()
          await world.driver.restore(to, Readable.from([bytes]), anySignal())
          assert.deepEqual(await world.driver.inspect(to), contents)
          const restored = (await world.enter(to)).session
          for (const writer of [0, 1, 2, 3]) {
            assert.equal(await restored.read(`left${writer}`), await restored.read(`right${writer}`))
          }
        }
      } finally {
        stopped = true
        await writers
      }
    }),

  'a dump that nobody reads to its end is not whole, and nothing of it goes on': (it) =>
    inDumps(it, async (world) => {
      const database = await world.database()
      const { session } = await world.enter(database)
      await session.fill(16)
      const before = programsWith(database)
      const dump = await world.driver.dump(database, anySignal())
      for await (const _ of dump.bytes) break
      await fails(contentsOf(world, dump), 'refused', 'unavailable', 'cancelled')
      await until(world.patience, 'the end of its programs', () => programsWith(database) <= before)
    }),

  'a cancelled dump or inspection ends at once, as cancelled': (it) =>
    inDumps(it, async (world) => {
      const database = await world.database()
      const { session } = await world.enter(database)
      await session.fill(16)
      const before = programsWith(database)
      const cancelled = new AbortController()
      const dump = await world.driver.dump(database, cancelled.signal)
      const read = async () => {
        for await (const _ of dump.bytes) cancelled.abort()
      }
      // Whoever does not hear it gives all of it, however long that takes: the clock is for one that stands still.
      await within(60, 'a cancelled dump', assert.rejects(read(), 'it went on after it was cancelled'))
      await fails(contentsOf(world, dump), 'cancelled')
      await fails(world.driver.inspect(database, AbortSignal.abort()), 'cancelled')
      await fails(world.driver.dump(database, AbortSignal.abort()), 'cancelled')
      await until(world.patience, 'the end of its programs', () => programsWith(database) <= before)
    }),

  'a dump waits for a slow reader, and a large one goes through in flat memory': (it) =>
    inDumps({ ...it, patience: 4 * it.patience }, async (world) => {
      const [from, to] = [await world.database(), await world.database()]
      await (await world.enter(from)).session.fill(96)
      const dump = await world.driver.dump(from, anySignal())
      let bytes = 0
      let highest = 0
      let next = 0
      const start = held()
      const watched = async function* () {
        for await (const chunk of dump.bytes) {
          bytes += (chunk as Buffer).length
          if (bytes >= next) {
            highest = Math.max(highest, held() - start)
            next = bytes + 4 * mebibyte
          }
          yield chunk
        }
      }
      await world.driver.restore(to, Readable.from(watched()), anySignal())
      assert(bytes > 80 * mebibyte, `only ${bytes} bytes came`)
      assert(highest < 80 * mebibyte, `${Math.round(highest / mebibyte)} MiB of memory for a dump of ${bytes} bytes`)
      assert.deepEqual(await world.driver.inspect(to), await contentsOf(world, dump))
    }),
}

const mebibyte = 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes of memory that somebody still needs. */
function held(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const values = {
  plain: 'value',
  empty: '',
  'a key': 'with "quotes", \'others\', \\back\\slashes\\ and $dollars$',
  lines: 'one\ntwo\r\nthree\ttabbed',
  world: 'żółć 日本 🐘',
  long: 'x'.repeat(100_000),
  'looks-like': "'); DROP TABLE x; --",
}
