import { databaseConforms } from '../conformance/database.ts'
import { makePostgres } from './postgres-for-test.ts'

databaseConforms('postgres in a container', () => makePostgres('container', { system: 'tpgc', pool: '10.112.0.0/20' }))
