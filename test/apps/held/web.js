const http = require('node:http')
const hold = require('./hold.js')

const text = process.argv[2]
let healthy = false

const server = http.createServer(async (request, response) => {
  if (request.url === '/health') response.statusCode = healthy ? 200 : 503
  if (request.url === '/long') await hold('drain')
  response.end(`${text}\n`)
})

hold('start').then(() => server.listen(process.env.PORT))
hold('check').then(() => {
  healthy = true
})
process.on('SIGTERM', () => hold('stop').then(() => process.exit(0)))
