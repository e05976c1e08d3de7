/** Stands in for the proxy: shows on every host what it was given. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ChallengeAnswers } from '../../server/devices/classes/certificate.ts'

export interface TestWeb extends ChallengeAnswers {
  readonly port: number
  /** Tokens. */
  shown(): string[]
  remove(): Promise<void>
}

export async function startWeb(): Promise<TestWeb> {
  const texts = new Map<string, string>()
  const server = createServer((request, response) => {
    const [, token = ''] = /^\/\.well-known\/acme-challenge\/([^/]+)$/.exec(request.url ?? '') ?? []
    const found = texts.get(token)
    response.writeHead(found === undefined ? 404 : 200).end(found)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    show: async (token, text) => void texts.set(token, text),
    withdraw: async (token) => void texts.delete(token),
    shown: () => [...texts.keys()],
    remove: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
