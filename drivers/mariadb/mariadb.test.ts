/** The whole suite of the class, on the real server in a container. */
import { signalPrograms } from '../../test/container-programs.ts'
import { hostsForTest } from '../../test/device-hosts.ts'
import { databaseConforms } from '../conformance/database.ts'
import { createDriver } from './index.ts'
import { client } from './mariadb-for-test.ts'

databaseConforms('mariadb', async () => {
  const hosts = await hostsForTest('tmariadb', '10.113.0.0/20')
  const host = await hosts.host('maria')
  const driver = createDriver(host)
  const install = () => driver.install({ version: null, as: 'container', memory: 512 }, () => {})
  const signal = (name: NodeJS.Signals) => signalPrograms('mp-tmariadb.maria.server', 'mariadbd', name)
  await install()
  return {
    driver,
    again: () => createDriver(host),
    install,
    client,
    kill: () => signal('SIGKILL'),
    async freeze() {
      await signal('SIGSTOP')
      return () => signal('SIGCONT')
    },
    patience: 120,
    async remove() {
      await driver.uninstall()
      await hosts.close()
    },
  }
})
