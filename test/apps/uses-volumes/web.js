// GET / answers one line. GET /uploads/photo answers what is in /megapolos/uploads/photo, POST appends to it; an error is
// answered by its name, such as ENOENT or EROFS. DELAY is how many milliseconds it takes to start.
const fs = require('node:fs')
const http = require('node:http')

const server = http.createServer((request, response) => {
  if (request.url === '/') return response.end('Hello\n')
  const path = `/megapolos${request.url}`
  const answer = (error, text = '') => response.end(`${error ? error.code : text}\n`)
  if (request.method === 'GET') return fs.readFile(path, 'utf8', answer)
  request.setEncoding('utf8').on('data', (text) => fs.appendFile(path, text, answer))
})
setTimeout(() => server.listen(process.env.PORT), Number(process.env.DELAY ?? 0))

process.on('SIGTERM', () => process.exit(0))
