// Answers GET with one line, POST with what was sent, and each word of a WebSocket with that word. Dies at once when told
// to stop, so what is still on its way then is lost: whoever stops it must have waited.
const { createHash } = require('node:crypto')
const http = require('node:http')

const text = 'version one'
const greeting = process.env.GREETING ?? 'Hello from'

http
  .createServer((request, response) => {
    if (request.method === 'POST') return request.pipe(response)
    response.end(`${greeting} ${text}\n`)
  })
  .on('upgrade', (request, socket) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket']
    socket.write([...lines, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'))
    socket.on('error', () => {}).on('data', (frame) => answer(socket, frame))
  })
  .listen(process.env.PORT)

// Words are shorter than 126 bytes and wait for each other, so a frame comes alone and whole.
function answer(socket, frame) {
  const closes = 8
  if ((frame[0] & 15) === closes) return socket.end(Buffer.from([128 + closes, 0]))
  const length = frame[1] & 127
  const mask = frame.subarray(2, 6)
  const word = frame.subarray(6, 6 + length).map((byte, n) => byte ^ mask[n % 4])
  socket.write(Buffer.concat([Buffer.from([frame[0], length]), word]))
}

process.on('SIGTERM', () => process.exit(0))
