import { databaseConforms } from '../conformance/database.ts'
import { makePostgres } from './postgres-for-test.ts'

databaseConforms('postgres in a container', () => makePostgres('container', { system: 'tpgc', pool: '10.77.176.0/20' }))
