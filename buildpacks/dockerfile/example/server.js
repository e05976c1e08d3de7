require('node:http')
  .createServer((_, response) => response.end(`as ${process.getuid()}\n`))
  .listen(8080)
