/** Clients that keep their TLS connections, half of them over HTTP/2, and never retry: every lost request is counted and told. */
import { type ClientHttp2Session, connect } from 'node:http2'
import { Agent, request } from 'node:https'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import type { Load } from './load.ts'

export interface TlsTarget {
  readonly port: number
  readonly host: string
  /** Of both kinds together. */
  readonly connections?: number
}

type Answer = Promise<{ readonly status: number; readonly body: string }>

/** Whoever signed the certificate: it changes meanwhile, and what it must be is another test's promise. */
const unchecked = { rejectUnauthorized: false }
const rest = 25

export function startTlsLoad({ port, host, connections = 40 }: TlsTarget): Load {
  const failures: string[] = []
  const answers = new Set<string>()
  let [requests, slowest, running] = [0, 0, true]

  const client = async (kind: string, ask: () => Answer, end: () => void) => {
    while (running) {
      const began = performance.now()
      try {
        const { status, body } = await ask()
        if (status === 200) answers.add(body)
        else failures.push(`${kind} status ${status}: ${body.slice(0, 80).trim()}`)
      } catch (error) {
        failures.push(`${kind} ${error instanceof Error ? error.message : error}`)
      }
      requests++
      slowest = Math.max(slowest, performance.now() - began)
      await pause(rest)
    }
    end()
  }

  const clients = Array.from({ length: connections }, (_, number) => {
    if (number % 2 === 0) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1, ...unchecked })
      return client(
        'HTTP/1.1',
        () => ask1({ port, host, agent }),
        () => agent.destroy(),
      )
    }
    let session: ClientHttp2Session | undefined
    const ask = () => {
      // A server ends a connection in an orderly way after some thousand requests; that loses none.
      if (!session || session.closed || session.destroyed) {
        session = connect(`https://127.0.0.1:${port}`, { servername: host, ...unchecked })
        session.on('error', () => {})
      }
      return ask2(session, host)
    }
    return client('HTTP/2', ask, () => session?.close())
  })
  const report = () => ({ requests, failures, answers: [...answers], slowest: Math.round(slowest) })
  return {
    report,
    async stop() {
      running = false
      await Promise.all(clients)
      return report()
    },
  }
}

function ask1({ port, host, agent }: TlsTarget & { readonly agent: Agent }): Answer {
  return new Promise((resolve, reject) => {
    const asked = request({ agent, host: '127.0.0.1', port, servername: host, headers: { host } }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
    asked.on('error', reject).end()
  })
}

function ask2(session: ClientHttp2Session, host: string): Answer {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/', ':authority': host })
    stream.on('error', reject)
    stream.once('response', (headers) => {
      text(stream).then((body) => resolve({ status: Number(headers[':status']), body }), reject)
    })
  })
}
