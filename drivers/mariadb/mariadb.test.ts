/** The whole suite of the class, on the real server in a container. */
import { signalPrograms } from '../../test/container-programs.ts'
import { databaseConforms } from '../conformance/database.ts'
import { serverForTest } from '../shared/server-for-test.ts'
import { createDriver } from './index.ts'
import { client } from './mariadb-for-test.ts'

databaseConforms('mariadb', () =>
  serverForTest({
    ...{ system: 'tmariadb', pool: '10.113.0.0/20', device: 'maria', as: 'container', patience: 120 },
    ...{ createDriver, client },
    signal: (name) => signalPrograms('mp-tmariadb.maria.server', 'mariadbd', name),
  }),
)
