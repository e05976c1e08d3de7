/** Joins an opened socket to a session in a container, until one of them ends. */
import type { Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import type { Session } from '../engine/engine.ts'
import { frame, frameReader } from './frames.ts'

export function joinTerminal(socket: Socket, session: Session): void {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: megapolos-terminal\r\n\r\n')
  const send = (bytes: Buffer, from: NodeJS.ReadableStream) => {
    if (socket.write(bytes)) return
    from.pause()
    socket.once('drain', () => from.resume())
  }
  session.stdout.on('data', (chunk) => send(frame('stdout', chunk), session.stdout))
  session.stderr.on('data', (chunk) => send(frame('stderr', chunk), session.stderr))
  Promise.all([session.exit, finished(session.stdout), finished(session.stderr)]).then(
    ([code]) => socket.end(frame('exit', String(code))),
    () => socket.destroy(),
  )
  const read = frameReader((kind, body) => {
    if (kind === 'stdin' && !session.stdin.write(body)) {
      socket.pause()
      session.stdin.once('drain', () => socket.resume())
    }
    if (kind === 'end') session.stdin.end()
    if (kind === 'resize') {
      const [columns = 80, rows = 24] = body.toString().split(' ').map(Number)
      if (columns > 0 && rows > 0) session.resize(columns, rows).catch(() => {})
    }
  })
  socket.on('data', read)
  // The server's sockets are half-open: a terminal that is gone only ends its side. Input has an end of its own.
  socket.once('end', () => socket.destroy())
  // Whoever closes the window ends the command: nothing is left running unseen.
  socket.once('close', () => void session.kill().catch(() => {}))
}
