// Keeps notes in the database that is attached. GET / says how many there are; POST adds one, and answers with it.
const http = require('node:http')
const keepers = require('./keepers.js')

const url = process.env.DATABASE_URL ?? process.env.REDIS_URL

async function answer(notes, request, body) {
  if (!notes) return 'no database\n'
  if (request.method === 'POST') {
    await notes.add(body)
    return body
  }
  const { pathname, searchParams } = new URL(request.url, 'http://app')
  if (pathname === '/slow') await notes.wait(Number(searchParams.get('ms')))
  return `${await notes.count()} notes\n`
}

const opened = url ? keepers[new URL(url).protocol](url) : Promise.resolve(null)
opened.then((notes) => {
  http
    .createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      answer(notes, request, body).then(
        (text) => response.end(text),
        (error) => response.writeHead(500).end(`${error.message}\n`),
      )
    })
    .listen(process.env.PORT)
})

process.on('SIGTERM', () => process.exit(0))
