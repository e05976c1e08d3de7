/** The whole suite of the class, on real servers in containers. */
import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { signalPrograms } from '../../test/container-programs.ts'
import { databaseConforms } from '../conformance/database.ts'
import type { DatabaseClient } from '../conformance/database-under-test.ts'
import { serverForTest } from '../shared/server-for-test.ts'
import { createDriver } from './index.ts'

databaseConforms('redis', () =>
  serverForTest({
    ...{ system: 'tredis', pool: '10.113.16.0/20', device: 'redis', as: 'container', patience: 120 },
    ...{ createDriver, client },
    async signal(name, host) {
      const all = await host.containers.list()
      await Promise.all(all.map((container) => signalPrograms(`mp-tredis.redis.${container}`, 'redis-server', name)))
    },
  }),
)

const client: DatabaseClient = {
  async open({ host, port, database }, { user: username, password }) {
    const options = {
      host,
      port,
      db: Number(database),
      username,
      password,
      lazyConnect: true,
      retryStrategy: () => null,
    }
    const client = new Redis(options)
    client.on('error', () => {})
    await client.connect()
    // Comes in again where it was put out, as apps do, but does not wait for a server that is away.
    const redis = async () => {
      if (client.status === 'end') await client.connect()
      return client
    }
    return {
      async write(values) {
        await (await redis()).mset(values)
      },
      read: async (key) => (await redis()).get(key),
      async remove(key) {
        await (await redis()).del(key)
      },
      async fill(mebibytes) {
        for (let n = 0; n < mebibytes; n++) {
          const blocks = Array.from(
            { length: 32 },
            (_, block) => [`block ${n} ${block}`, randomBytes(32 * 1024)] as const,
          )
          await (await redis()).mset(new Map(blocks) as never)
        }
      },
      async define() {
        await (await redis()).call('FUNCTION', 'LOAD', 'REPLACE', library)
      },
      async undefine() {
        await (await redis()).call('FUNCTION', 'DELETE', 'greeting')
      },
      close: async () => client.disconnect(),
    }
  },
}

const library = "#!lua name=greeting\nredis.register_function('hello', function() return 'hello' end)"
