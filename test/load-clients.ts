/** The connections of a load: kept from request to request, and nothing is asked twice. */
import { Agent, type IncomingMessage, request } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import { request as requestSecurely, Agent as SecureAgent } from 'node:https'
import { text } from 'node:stream/consumers'
import type { LoadTarget } from './load.ts'

export interface LoadConnection {
  /** A POST of this body, or a GET; returns the body of a 200, and rejects with anything else. */
  ask(body: string | null): Promise<string>
  end(): void
}

const patience = 30_000

export function openConnection(target: LoadTarget): LoadConnection {
  return target.streams === undefined ? overHttp1(target) : overHttp2(target)
}

function overHttp1({ host, port, path = '/', ca, reconnects }: LoadTarget): LoadConnection {
  const one = { keepAlive: !reconnects, maxSockets: 1 }
  // Whoever comes back with a session that it knows is not shown a certificate again.
  const agent = ca ? new SecureAgent({ ...one, maxCachedSessions: 0 }) : new Agent(one)
  const where = {
    agent,
    host: '127.0.0.1',
    port,
    path,
    timeout: patience,
    ...(ca && { ca: [...ca], servername: host }),
  }
  return {
    ask: (body) =>
      new Promise((resolve, reject) => {
        const headers = { host, ...(body === null ? {} : { 'content-length': body.length }) }
        const answered = (response: IncomingMessage) =>
          text(response)
            .then((said) => okay(response.statusCode, said))
            .then(resolve, reject)
        const asked = (ca ? requestSecurely : request)({ ...where, method: methodOf(body), headers }, answered)
        asked.on('timeout', () => asked.destroy(late()))
        asked.on('error', reject)
        asked.end(body ?? undefined)
      }),
    end: () => agent.destroy(),
  }
}

function overHttp2({ host, port, path = '/', ca, reconnects }: LoadTarget): LoadConnection {
  let session: ClientHttp2Session | undefined
  const current = () => {
    // After a GOAWAY a session is closed: what is on its way comes back on it, and what comes next needs another.
    if (session && !session.closed && !session.destroyed && !reconnects) return session
    session?.close()
    session = connect(`https://127.0.0.1:${port}`, { servername: host, ...(ca && { ca: [...ca] }) })
    // Each of its requests fails by it.
    session.on('error', () => {})
    return session
  }
  return {
    ask: (body) =>
      new Promise((resolve, reject) => {
        const stream = current().request({ ':method': methodOf(body), ':path': path, ':authority': host })
        stream.setTimeout(patience, () => stream.destroy(late()))
        stream.on('error', reject)
        stream.on('response', (headers) => {
          text(stream)
            .then((said) => okay(headers[':status'], said))
            .then(resolve, reject)
        })
        stream.on('close', () => reject(new Error('ended without an answer')))
        stream.end(body ?? undefined)
      }),
    end: () => session?.close(),
  }
}

const methodOf = (body: string | null) => (body === null ? 'GET' : 'POST')
const late = () => new Error(`no answer within ${patience / 1000} s`)

function okay(status: number | undefined, said: string): string {
  if (status !== 200) throw new Error(`status ${status}: ${said.slice(0, 80).trim()}`)
  return said
}
