/** The other end of `run` and `enter`: this terminal, raw, joined to a container through the kernel's socket. */
import { request } from 'node:http'
import { frame, frameReader } from '../server/doors/frames.ts'

const { MEGAPOLOS_SOCKET, MEGAPOLOS_KEY, MEGAPOLOS_FORM, MEGAPOLOS_LINE, SSH_CONNECTION } = process.env
const tty = process.stdin.isTTY === true && process.stdout.isTTY === true

const asked = request({
  socketPath: MEGAPOLOS_SOCKET,
  path: '/terminal',
  method: 'POST',
  headers: {
    connection: 'Upgrade',
    upgrade: 'megapolos-terminal',
    'megapolos-key': MEGAPOLOS_KEY,
    'megapolos-from': SSH_CONNECTION ?? '',
    'megapolos-form': MEGAPOLOS_FORM,
    'megapolos-tty': String(tty),
    // A header, not a query: it may hold a secret, and nobody lists headers.
    'megapolos-line': Buffer.from(MEGAPOLOS_LINE ?? '').toString('base64'),
  },
})

asked.on('error', () => leave(75, ' !     MegapolOS is not running.'))
asked.on('response', (answer) => {
  let said = ''
  answer.on('data', (chunk) => (said += chunk))
  answer.on('end', () => leave(Number(answer.headers['megapolos-exit'] ?? 70), said))
})
asked.on('upgrade', (_answer, socket, head) => {
  let begun = false
  const read = frameReader((kind, body) => {
    if (kind === 'stdout') {
      // An engine may lose a size that comes before its terminal is there; the first output says that it is.
      if (tty && !begun) resize()
      begun = true
      show(process.stdout, body)
    }
    if (kind === 'stderr') show(process.stderr, body)
    if (kind === 'exit') leave(Number(body.toString()), '')
  })
  const show = (to: NodeJS.WriteStream, body: Buffer) => {
    if (to.write(body)) return
    socket.pause()
    to.once('drain', () => socket.resume())
  }
  const resize = () => socket.write(frame('resize', `${process.stdout.columns} ${process.stdout.rows}`))

  if (tty) {
    process.stdin.setRawMode(true)
    process.stdout.on('resize', resize)
    resize()
  }
  process.stdin.on('data', (chunk) => {
    if (socket.write(frame('stdin', chunk))) return
    process.stdin.pause()
    socket.once('drain', () => process.stdin.resume())
  })
  process.stdin.on('end', () => socket.write(frame('end')))
  socket.on('data', read)
  socket.on('close', () => leave(75, ' !     The kernel restarted; the command was ended with it.'))
  read(head)
})
asked.end()

function leave(code: number, message: string): void {
  if (tty) process.stdin.setRawMode(false)
  if (message) process.stderr.write(`${message.trimEnd()}\n`)
  // Output may still be on its way to a slow reader.
  process.stdout.write('', () => process.exit(code))
}
