const { createServer } = require('node:http')
const ms = require('ms')

createServer((request, response) => {
  response.end(`up for ${ms(Math.round(process.uptime() * 1000))} as ${process.getuid()} in ${process.env.HOME}\n`)
}).listen(process.env.PORT)
