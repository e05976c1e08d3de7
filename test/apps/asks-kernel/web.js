// Hands every request on to the kernel's socket, and its answer back: so the tests can ask it as the app. `/load` answers
// by itself, for load.
const http = require('node:http')

const socketPath = '/megapolos/kernel.sock'

http
  .createServer((request, response) => {
    if (request.url === '/load') return response.end('here\n')
    const { method, url: path, headers } = request
    const asked = http.request({ socketPath, path, method, headers: { ...headers, host: 'kernel' } }, (answer) => {
      response.writeHead(answer.statusCode, { 'content-type': 'application/json' })
      answer.pipe(response)
    })
    asked.on('error', (error) => response.writeHead(599).end(`${error.code}\n`))
    request.pipe(asked)
  })
  .listen(process.env.PORT)
