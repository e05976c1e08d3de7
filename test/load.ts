/** Clients that keep their connections and never retry: every lost request is counted and told. */
import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

export interface LoadTarget {
  readonly port: number
  readonly host: string
  readonly path?: string
  readonly connections?: number
  /** Every second request is a POST whose body must come back. */
  readonly posts?: boolean
  /** True: a connection for each request. */
  readonly reconnects?: boolean
  /** Milliseconds that each connection rests between two requests. */
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

const patience = 30_000

export function startLoad(target: LoadTarget): Load {
  const failures: string[] = []
  const answers = new Set<string>()
  let [requests, slowest, running] = [0, 0, true]

  const client = async (number: number) => {
    const agent = new Agent({ keepAlive: !target.reconnects, maxSockets: 1 })
    for (let turn = 0; running; turn++) {
      const body = target.posts && turn % 2 ? `${number}/${turn}` : null
      const began = performance.now()
      try {
        const answer = await ask(target, agent, body)
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
    agent.destroy()
  }

  const clients = Array.from({ length: target.connections ?? 40 }, (_, number) => client(number))
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

function ask(target: LoadTarget, agent: Agent, body: string | null): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        host: '127.0.0.1',
        port: target.port,
        path: target.path ?? '/',
        method: body === null ? 'GET' : 'POST',
        headers: { host: target.host, ...(body === null ? {} : { 'content-length': body.length }) },
        timeout: patience,
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('error', reject)
        response.on('end', () => {
          if (response.statusCode === 200) resolve(text)
          else reject(new Error(`status ${response.statusCode}: ${text.slice(0, 80).trim()}`))
        })
      },
    )
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${patience / 1000} s`)))
    outgoing.on('error', reject)
    outgoing.end(body ?? undefined)
  })
}
