require('node:http')
  .createServer((_, response) => response.end('Hello from release-fails\n'))
  .listen(process.env.PORT)
