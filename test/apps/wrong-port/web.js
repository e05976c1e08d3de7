// Forgets PORT.
require('node:http')
  .createServer((_, response) => response.end('Hello from wrong-port\n'))
  .listen(8080)
