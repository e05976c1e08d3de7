require('node:http')
  .createServer((_, response) => response.end('Hello from worker-dies\n'))
  .listen(process.env.PORT)
