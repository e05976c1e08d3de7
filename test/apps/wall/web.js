// Keeps lines in the MariaDB that DATABASE_URL leads to. GET / says how many there are; POST adds one, and answers with it.
const http = require('node:http')
const { createPool } = require('mysql2/promise')

const uri = process.env.DATABASE_URL
const pool = uri ? createPool({ uri, connectionLimit: 4, ssl: { rejectUnauthorized: false } }) : null

async function answer(request, body) {
  if (!pool) return 'no database\n'
  if (request.method === 'POST') {
    await pool.query('INSERT INTO wall (line) VALUES (?)', [body])
    return body
  }
  const [[row]] = await pool.query('SELECT COUNT(*) AS count FROM wall')
  return `${row.count} lines\n`
}

const table = 'CREATE TABLE IF NOT EXISTS wall (id INT AUTO_INCREMENT PRIMARY KEY, line VARCHAR(200), KEY (line))'
const ready = pool ? pool.query(table) : Promise.resolve()
ready.then(() => {
  http
    .createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      answer(request, body).then(
        (text) => response.end(text),
        (error) => response.writeHead(500).end(`${error.message}\n`),
      )
    })
    .listen(process.env.PORT)
})

process.on('SIGTERM', () => process.exit(0))
