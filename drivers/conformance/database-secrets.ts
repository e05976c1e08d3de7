/** Passwords are seen by nobody who only looks at the machine. */
import { strict as assert } from 'node:assert'
import { Readable } from 'node:stream'
import type { DatabasePromises } from './database-under-test.ts'
import { dumped, inDumps, planted } from './database-world.ts'
import { programsSeen } from './programs.ts'

export const secretPromises: DatabasePromises = {
  'no password is in the words of any program while calls run, nor in the log': (it) =>
    inDumps(it, async (world) => {
      const [from, to] = [await world.database(), await world.database()]
      const use = async () => {
        const { login, session } = await world.enter(from)
        await session.write({ a: '1' })
        const { bytes } = await dumped(world, from)
        await world.driver.restore(to, Readable.from([bytes]), new AbortController().signal)
        await world.driver.inspect(to)
        await world.driver.grant(from, { ...login, password: `${login.password}_2` })
        const { in: _, exec } = await world.driver.connect(from, login)
        assert(!exec.command.some((word) => word.includes(login.password)), 'connect has the password in its words')
        await world.driver.revoke(from, login.user)
      }
      const { seen } = await programsSeen(planted, use)
      assert.equal(seen, 0, 'a password was in the process list')
      assert(!(await world.driver.logs(2000)).join('\n').includes(planted), 'a password is in the log')
    }),
}
