/** Clients that keep their connections and never retry: every lost request is counted and told. */
import { setTimeout as pause } from 'node:timers/promises'
import { type LoadConnection, openConnection } from './load-clients.ts'

export interface LoadTarget {
  readonly port: number
  readonly host: string
  readonly path?: string
  readonly connections?: number
  /** What the clients trust, as PEM: they come over TLS, and it must be right for the host. Needed for HTTP/2. */
  readonly ca?: readonly string[]
  /** Over HTTP/2, with so many requests at a time on each connection; else over HTTP/1.1. */
  readonly streams?: number
  /** Every second request is a POST whose body must come back. */
  readonly posts?: boolean
  /** True: a connection for each request. */
  readonly reconnects?: boolean
  /** Milliseconds that each client rests between two requests. */
  readonly rest?: number
}

export interface LoadReport {
  readonly requests: number
  readonly failures: readonly string[]
  /** What was answered, in the order in which each text was first seen. */
  readonly answers: readonly string[]
  /** Of all requests, in milliseconds. */
  readonly slowest: number
}

export interface Load {
  report(): LoadReport
  /** Lets the requests that are on their way come back, and ends. */
  stop(): Promise<LoadReport>
}

export function startLoad(target: LoadTarget): Load {
  const failures: string[] = []
  const answers = new Set<string>()
  let [requests, slowest, running] = [0, 0, true]

  const client = async (number: number, connection: LoadConnection) => {
    for (let turn = 0; running; turn++) {
      const body = target.posts && turn % 2 ? `${number}/${turn}` : null
      const began = performance.now()
      try {
        const answer = await connection.ask(body)
        if (body === null) answers.add(answer)
        else if (answer !== body) throw new Error(`answered ${JSON.stringify(answer)} to ${JSON.stringify(body)}`)
      } catch (error) {
        const what = error instanceof Error ? error.message : String(error)
        failures.push(`${new Date().toISOString()} ${body === null ? 'GET' : 'POST'} ${what}`)
      }
      requests++
      slowest = Math.max(slowest, performance.now() - began)
      await pause(target.rest ?? 25)
    }
  }

  const connections = Array.from({ length: target.connections ?? 40 }, () => openConnection(target))
  const streams = target.streams ?? 1
  const clients = connections.flatMap((connection, number) =>
    Array.from({ length: streams }, (_, stream) => client(number * streams + stream, connection)),
  )
  const report = () => ({ requests, failures, answers: [...answers], slowest: Math.round(slowest) })
  return {
    report,
    async stop() {
      running = false
      await Promise.all(clients)
      for (const connection of connections) connection.end()
      return report()
    },
  }
}
