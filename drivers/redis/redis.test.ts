/** The whole suite of the class, on real servers in containers. */
import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { Redis } from 'ioredis'
import { hostsForTest } from '../../test/device-hosts.ts'
import { databaseConforms } from '../conformance/database.ts'
import type { DatabaseClient } from '../conformance/database-under-test.ts'
import { createDriver } from './index.ts'

databaseConforms('redis', async () => {
  const hosts = await hostsForTest('tredis', '10.113.16.0/20')
  const host = await hosts.host('redis')
  const driver = createDriver(host)
  const install = () => driver.install({ version: null, as: 'container', memory: 512 }, () => {})
  const signal = async (name: string) => {
    const command = [
      'sh',
      '-c',
      `for p in /proc/[0-9]*; do grep -q redis-server $p/comm && kill -${name} \${p#/proc/}; done`,
    ]
    const all = (await host.containers.list()).map(async (container) => {
      await text((await host.containers.exec(container, { command })).stdout)
    })
    await Promise.allSettled(all)
  }
  await install()
  return {
    driver,
    again: () => createDriver(host),
    install,
    client,
    kill: () => signal('KILL'),
    async freeze() {
      await signal('STOP')
      return () => signal('CONT')
    },
    patience: 60,
    async remove() {
      await driver.uninstall()
      await hosts.close()
    },
  }
})

const client: DatabaseClient = {
  async open({ host, port, database }, { user: username, password }) {
    let isIn = false
    const retryStrategy = (attempt: number) => (isIn && attempt < 20 ? 100 : null)
    const redis = new Redis({ host, port, db: Number(database), username, password, retryStrategy, lazyConnect: true })
    redis.on('error', () => {})
    await redis.connect()
    isIn = true
    return {
      async write(values) {
        await redis.mset(values)
      },
      read: (key) => redis.get(key),
      async remove(key) {
        await redis.del(key)
      },
      async fill(mebibytes) {
        for (let n = 0; n < mebibytes; n++) {
          const blocks = Array.from(
            { length: 32 },
            (_, block) => [`block ${n} ${block}`, randomBytes(32 * 1024)] as const,
          )
          await redis.mset(new Map(blocks) as never)
        }
      },
      async define() {
        await redis.call('FUNCTION', 'LOAD', 'REPLACE', library)
      },
      async undefine() {
        await redis.call('FUNCTION', 'DELETE', 'greeting')
      },
      close: async () => redis.disconnect(),
    }
  },
}

const library = "#!lua name=greeting\nredis.register_function('hello', function() return 'hello' end)"
