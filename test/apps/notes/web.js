// Keeps notes in the database that DATABASE_URL leads to. GET / says how many there are; POST adds one, and answers with it.
const http = require('node:http')
const { Pool } = require('pg')

const url = process.env.DATABASE_URL
const pool = url ? new Pool({ connectionString: url, max: 4 }) : null
// A connection that rests and is cut is no reason to end; the next query opens another.
pool?.on('error', () => {})

async function answer(request, body) {
  if (!pool) return 'no database\n'
  if (request.method === 'POST') {
    await pool.query('INSERT INTO notes (text) VALUES ($1)', [body])
    return body
  }
  const { pathname, searchParams } = new URL(request.url, 'http://app')
  if (pathname === '/slow') await pool.query('SELECT pg_sleep($1)', [Number(searchParams.get('ms')) / 1000])
  const { rows } = await pool.query('SELECT count(*) AS notes FROM notes')
  return `${rows[0].notes} notes\n`
}

const ready = pool ? pool.query('CREATE TABLE IF NOT EXISTS notes (id serial PRIMARY KEY, text text)') : Promise.resolve()
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
