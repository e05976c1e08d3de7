/** The whole suite of the class, on the real server in a container. */
import { execFileSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { databaseConforms } from '../conformance/database.ts'
import { createHostForTest } from '../shared/host-for-test.ts'
import { createDriver } from './index.ts'
import { client } from './mariadb-for-test.ts'

databaseConforms('mariadb', async () => {
  const host = createHostForTest('sr-maria')
  const driver = createDriver(host)
  const install = () => driver.install({ version: null, as: 'container', memory: 512 }, () => {})
  await install()
  const pids = () =>
    execFileSync('docker', ['top', host.id('server'), '-o', 'pid,comm'])
      .toString()
      .split('\n')
      .filter((l) => l.includes('mariadbd'))
      .map((l) => Number(l.trim().split(/\s+/)[0]))
  return {
    driver,
    again: () => createDriver(host),
    install,
    client,
    async kill() {
      for (const pid of pids()) process.kill(pid, 'SIGKILL')
      await delay(0)
    },
    async freeze() {
      const stopped = pids()
      for (const pid of stopped) process.kill(pid, 'SIGSTOP')
      return async () => {
        for (const pid of stopped) process.kill(pid, 'SIGCONT')
      }
    },
    patience: 60,
    remove: async () => {
      await driver.uninstall()
      await host.remove()
    },
  }
})
