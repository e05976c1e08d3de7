// Echoes a POST and counts its id; GET tells how often each id came. Node ends idle connections after 5 s, as ever by default.
const seen = {}
const server = require('node:http').createServer((request, response) => {
  if (request.method === 'GET') return response.end(JSON.stringify(seen))
  const id = request.headers['x-id']
  seen[id] = (seen[id] ?? 0) + 1
  // A moment, so that those who ask at the same time need a connection each.
  setTimeout(() => request.pipe(response), 40)
})
// Newer ones wait a second longer than they promise; apps have older ones too.
server.keepAliveTimeoutBuffer = 0
server.listen(Number(process.argv[2]), '127.0.0.1')

// As under load: whatever happens, it sees it up to 18 ms later.
const nobody = new Int32Array(new SharedArrayBuffer(4))
setInterval(() => Atomics.wait(nobody, 0, 0, 18), 20)
