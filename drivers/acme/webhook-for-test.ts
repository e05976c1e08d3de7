/** Somebody's own program in front of their DNS: takes what the driver tells it, and writes it into the test's names. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { TestNames } from './pebble-for-test.ts'

export interface TestWebhook {
  readonly url: string
  readonly secret: string
  records(): string[]
  /** Writes something else for this name from now on. */
  lieAbout(name: string): void
  remove(): Promise<void>
}

export async function startWebhook(names: TestNames): Promise<TestWebhook> {
  const secret = randomBytes(24).toString('base64url')
  const records = new Map<string, string[]>()
  const lies = new Set<string>()
  const server = createServer(async (request, response) => {
    if (request.headers.authorization !== `Bearer ${secret}`) return void response.writeHead(401).end('who are you?')
    const { action, name, value } = (await json(request)) as Record<'action' | 'name' | 'value', string>
    const others = (records.get(name) ?? []).filter((one) => one !== value)
    records.set(name, action === 'present' ? [...others, value] : others)
    if (action === 'present') await names.record(name, lies.has(name) ? 'a lie' : value)
    else if (others.length === 0) await names.record(name, null)
    response.writeHead(204).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ...{ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, secret },
    records: () => [...records.values()].flat(),
    lieAbout: (name) => void lies.add(`_acme-challenge.${name}`),
    remove: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
