import { databaseMutantsAreCaught } from '../conformance/database.ts'
import { makePostgres } from './postgres-for-test.ts'

const place = { system: 'tpgm', pool: '10.112.32.0/20' }
databaseMutantsAreCaught('postgres', () => makePostgres('container', place))
