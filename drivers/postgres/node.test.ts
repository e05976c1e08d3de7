import { databaseConforms } from '../conformance/database.ts'
import { makePostgres } from './postgres-for-test.ts'

databaseConforms('postgres on the node', () => makePostgres('node', { system: 'tpgn', pool: '10.112.48.0/20' }))
