// Asks another app and answers with what that says: /blog asks where BLOG_URL leads, with the same method and body, and
// /at?url=…&host=… asks anybody, under any name. Connections are kept.
const http = require('node:http')

const agent = new http.Agent({ keepAlive: true })

http
  .createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://app')
    const url = pathname === '/blog' ? process.env.BLOG_URL : searchParams.get('url')
    if (!url) return response.end('nobody to ask\n')
    const headers = { host: searchParams.get('host') ?? new URL(url).host }
    const length = request.headers['content-length']
    if (length) headers['content-length'] = length
    const asked = http.request(url, { agent, method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode)
      answer.pipe(response)
    })
    asked.on('error', (error) => response.writeHead(502).end(`${error.code}\n`))
    request.pipe(asked)
  })
  .listen(process.env.PORT)

process.on('SIGTERM', () => process.exit(0))
