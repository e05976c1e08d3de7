import { databaseConforms } from '../conformance/database.ts'
import { databasePromises, installPromises } from '../conformance/database-promises.ts'
import { makePostgres } from './postgres-for-test.ts'

databaseConforms(
  'postgres on the node',
  () => makePostgres('node', { system: 'tpgn', pool: '10.112.48.0/20' }),
  // The same code as in the container dumps and restores: `npm run test:drivers` keeps all promises here, too.
  process.env.MEGAPOLOS_FULL ? databasePromises : installPromises,
)
