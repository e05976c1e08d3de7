// Answers GET with one line and POST with what was sent. Dies at once when told to stop, so a request that is still
// on its way then is lost: whoever stops it must have waited.
const http = require('node:http')

const text = 'version one'
const greeting = process.env.GREETING ?? 'Hello from'

http
  .createServer((request, response) => {
    if (request.method === 'POST') return request.pipe(response)
    const { pathname, searchParams } = new URL(request.url, 'http://app')
    setTimeout(() => response.end(`${greeting} ${text}\n`), pathname === '/slow' ? Number(searchParams.get('ms')) : 0)
  })
  .listen(process.env.PORT)

process.on('SIGTERM', () => process.exit(0))
