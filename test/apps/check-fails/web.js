require('node:http')
  .createServer((request, response) => {
    if (request.url === '/health') response.statusCode = 500
    response.end('the database is away\n')
  })
  .listen(process.env.PORT)
