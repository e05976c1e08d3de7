/** For tests only: a small proxy that tells what it was told. */
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { App } from '../domain/app.ts'
import type { Traffic } from '../domain/route.ts'
import { UserError } from '../errors.ts'

const away = new UserError('unavailable', 'The proxy does not answer.')

/** Requests for `<app id>` by header go round robin to its targets, over connections of their own. */
export async function createProxy() {
  const routes = new Map<string, readonly string[]>()
  const serving: Record<string, number> = {}
  const switches: string[] = []
  let next = 0
  let answers = true
  let switching = true
  const held = new Map<string, { wait: Promise<void>; end: () => void }>()
  const endHold = (app: string) => {
    held.get(app)?.end()
    held.delete(app)
  }
  const server = createServer(async (incoming, outgoing) => {
    await held.get(String(incoming.headers['x-app']))?.wait
    const targets = routes.get(String(incoming.headers['x-app'])) ?? []
    const target = targets[next++ % targets.length]
    if (!target) return void outgoing.writeHead(503).end()
    serving[target] = (serving[target] ?? 0) + 1
    outgoing.on('close', () => {
      serving[target] = (serving[target] ?? 0) - 1
    })
    const [host, port] = target.split(':')
    const upstream = request({ host, port, path: incoming.url, headers: incoming.headers, agent: false })
    upstream.on('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 500)
      response.pipe(outgoing)
    })
    upstream.on('error', () => outgoing.headersSent || outgoing.writeHead(502).end())
    upstream.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const traffic: Traffic = {
    async switchTo(app, targets) {
      if (!switching) throw away
      routes.set(app, targets)
      switches.push(`${app} ${targets.join()}`)
      endHold(app)
    },
    async hold(app) {
      if (!switching) throw away
      routes.delete(app)
      switches.push(`${app} held`)
      const { promise: wait, resolve: end } = Promise.withResolvers<void>()
      held.set(app, { wait, end })
    },
    async switchAll(all) {
      if (!switching) throw away
      routes.clear()
      for (const [app, targets] of Object.entries(all)) routes.set(app, targets)
      switches.push('all')
      for (const app of held.keys()) endHold(app)
    },
    inflight: async (targets) => Object.fromEntries(targets.map((target) => [target, serving[target] ?? 0])),
    async ready() {
      if (!answers) throw away
    },
  }
  async function get(app: App, path = '/'): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'x-app': app.id } })
    return { status: response.status, text: await response.text() }
  }

  return {
    traffic,
    switches,
    targets: (app: App) => routes.get(app.id) ?? [],
    answers(yes: boolean) {
      answers = yes
    },
    /** False: it answers, and goes away before it can switch. */
    switching(yes: boolean) {
      switching = yes
    },
    get,
    /** Four that never rest; what is returned stops them, and tells what they were answered and how often. */
    clients(app: App): () => Promise<Record<string, number>> {
      let going = true
      const answers: Record<string, number> = {}
      const client = async () => {
        while (going) {
          const { status, text } = await get(app)
          const key = `${status} ${text.split(' ')[0]}`
          answers[key] = (answers[key] ?? 0) + 1
        }
      }
      const all = Array.from({ length: 4 }, client)
      return async () => {
        going = false
        await Promise.all(all)
        return answers
      }
    },
    close: () => void server.close(),
  }
}
