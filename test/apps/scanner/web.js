require('node:http')
  .createServer((_, response) => response.end('found'))
  .listen(process.env.PORT)
