// Keeps who came in the Redis that REDIS_URL leads to. GET / says how many there are; POST adds one, and answers with it.
const http = require('node:http')
const { connect } = require('node:net')

const url = process.env.REDIS_URL ? new URL(process.env.REDIS_URL) : null

/** One command on a connection of its own; the last line of what Redis says. */
function ask(...words) {
  const login = ['AUTH', decodeURIComponent(url.username), decodeURIComponent(url.password)]
  const socket = connect({ host: url.hostname, port: Number(url.port) })
  for (const command of [login, words, ['QUIT']]) {
    const parts = command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
    socket.write(`*${parts.length}\r\n${parts.join('')}`)
  }
  return new Promise((resolve, reject) => {
    let said = ''
    socket.on('data', (bytes) => {
      said += bytes
    })
    socket.on('error', reject)
    socket.on('end', () => {
      const [, answer = ''] = said.split('\r\n')
      if (answer.startsWith('-')) reject(new Error(answer))
      else resolve(answer.slice(1))
    })
  })
}

async function answer(request, body) {
  if (!url) return 'no database\n'
  if (request.method !== 'POST') return `${await ask('LLEN', 'visits')} visits\n`
  await ask('LPUSH', 'visits', body)
  return body
}

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

process.on('SIGTERM', () => process.exit(0))
