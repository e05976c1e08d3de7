/** WebSockets that stay open and talk: each that is cut is told with its age, and opened again. */
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'

export interface SocketsReport {
  readonly opened: number
  /** Seconds that each had been open when the other side closed it. */
  readonly cut: readonly number[]
  /** One that could not be opened, or fell silent. */
  readonly failures: readonly string[]
}

export interface Sockets {
  report(): SocketsReport
  /** Closes them all. */
  stop(): Promise<SocketsReport>
}

/** Milliseconds between two words, and how long to wait for the answer to one. */
const [rest, patience] = [500, 10_000]

export function startSockets(port: number, host: string, count: number): Sockets {
  const failures: string[] = []
  const cut: number[] = []
  let [opened, running] = [0, true]

  const client = async (number: number) => {
    while (running) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { host } })
      const closed = new Promise<'closed'>((resolve) => socket.addEventListener('close', () => resolve('closed')))
      socket.addEventListener('error', () => {})
      const first = await Promise.race([happens(socket, 'open'), closed])
      if (first === 'closed') {
        failures.push(`${new Date().toISOString()} ${number} could not be opened`)
        await pause(rest)
        continue
      }
      opened++
      const began = performance.now()
      for (let turn = 0; running && socket.readyState === WebSocket.OPEN; turn++) {
        const word = `${number}/${turn}`
        const back = happens(socket, 'message')
        socket.send(word)
        const answer = await Promise.race([back, closed, pause(patience, 'silent')])
        if (answer === 'closed') break
        if (answer !== word) failures.push(`${new Date().toISOString()} ${word} was answered with ${answer}`)
        await Promise.race([closed, pause(rest)])
      }
      if (running) cut.push((performance.now() - began) / 1000)
      socket.close()
      await closed
    }
  }

  const clients = Array.from({ length: count }, (_, number) => client(number))
  const report = () => ({ opened, cut, failures })
  return {
    report,
    async stop() {
      running = false
      await Promise.all(clients)
      return report()
    },
  }
}

function happens(socket: WebSocket, event: 'open' | 'message'): Promise<string> {
  return new Promise((resolve) => {
    socket.once(event, (data?: unknown) => resolve(event === 'message' ? String(data) : event))
  })
}
