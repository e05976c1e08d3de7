/** A client that says exactly what it is told, and hangs up in the middle of it. */
import { connect } from 'node:net'

export interface Raw {
  /** The beginning of what is answered. */
  begun(): Promise<string>
  /** What was answered until the other side closed. */
  ended(): Promise<string>
  hangUp(): void
}

/** Resolves once the text is sent. */
export async function openRaw(port: number, text: string): Promise<Raw> {
  const socket = connect(port, '127.0.0.1')
  let said = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    said += chunk
  })
  const begun = new Promise<string>((resolve) => socket.once('data', () => resolve(said)))
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.write(text, () => resolve())
  })
  return {
    begun: () => begun,
    ended: () => closed.then(() => said),
    hangUp: () => socket.destroy(),
  }
}
