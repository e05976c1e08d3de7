/** How the tests come in: as an app does, with TLS. */
import { randomBytes } from 'node:crypto'
import { createConnection } from 'mysql2/promise'
import type { DatabaseClient } from '../conformance/database-under-test.ts'

export const client: DatabaseClient = {
  async open({ host, port, database }, { user, password }) {
    const ssl = { rejectUnauthorized: false }
    const connection = await createConnection({ host, port, database, user, password, ssl, connectTimeout: 10_000 })
    connection.on('error', () => {})
    const table = async () => {
      await connection.query(
        'CREATE TABLE IF NOT EXISTS pairs (name VARCHAR(200) PRIMARY KEY, value LONGTEXT) COLLATE utf8mb4_bin',
      )
    }
    return {
      async write(values) {
        await table()
        await connection.query('INSERT INTO pairs VALUES ? ON DUPLICATE KEY UPDATE value = VALUES(value)', [
          Object.entries(values),
        ])
      },
      async read(key) {
        await table()
        const [rows] = await connection.query('SELECT value FROM pairs WHERE name = ?', [key])
        return (rows as { value: string }[])[0]?.value ?? null
      },
      async remove(key) {
        await connection.query('DELETE FROM pairs WHERE name = ?', [key])
      },
      async fill(mebibytes) {
        await connection.query('CREATE TABLE IF NOT EXISTS blocks (id INT AUTO_INCREMENT PRIMARY KEY, bytes BLOB)')
        for (let n = 0; n < mebibytes; n++) {
          const rows = Array.from({ length: 32 }, () => [randomBytes(32 * 1024)])
          await connection.query('INSERT INTO blocks (bytes) VALUES ?', [rows])
        }
      },
      async define() {
        await table()
        await connection.query('CREATE INDEX pairs_value ON pairs (value(20))')
        await connection.query('CREATE VIEW short_pairs AS SELECT name FROM pairs')
        await connection.query('CREATE TRIGGER tidy BEFORE INSERT ON pairs FOR EACH ROW SET NEW.name = NEW.name')
      },
      async undefine() {
        await connection.query('DROP TRIGGER tidy')
        await connection.query('DROP VIEW short_pairs')
        await connection.query('DROP INDEX pairs_value ON pairs')
      },
      close: async () => connection.destroy(),
    }
  },
}
