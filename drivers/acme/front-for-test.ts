/**
 * Stands before Pebble and hands everything on, except what it was told to answer itself: a CA's rate limits, its faults,
 * and when it wants certificates renewed (RFC 9773) are not to be had from this Pebble.
 */
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { signItself } from '../self-signed/certificate.ts'
import type { TestPebble } from './pebble-for-test.ts'

export interface Front {
  readonly settings: { readonly server: string; readonly ca: string }
  /** Paths of what was asked. */
  readonly asked: string[]
  /** Answers what begins with this path from now on; null: Pebble does. */
  answer(path: string, how: Own | null): void
  remove(): Promise<void>
}

interface Own {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** JSON; a string as it is; `undefined`: nothing ever comes. */
  readonly body?: unknown
}

export async function startFront(pebble: TestPebble): Promise<Front> {
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-front-'))
  const { chain, key } = await signItself(['127.0.0.1'], 2)
  const behind = { ca: await readFile(pebble.settings.ca, 'utf8'), port: new URL(pebble.settings.server).port }
  const own = new Map<string, Own>()
  const asked: string[] = []
  const server = createServer({ cert: chain, key }, (incoming, response) => {
    const { url: path = '', method, headers } = incoming
    asked.push(path)
    const found = [...own].find(([start]) => path.startsWith(start))?.[1]
    if (found !== undefined) return say(response, found)
    const outgoing = request({ host: '127.0.0.1', ...behind, path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      pipeline(answer, response).catch(() => {})
    })
    outgoing.on('error', () => response.destroy())
    pipeline(incoming, outgoing).catch(() => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const ca = join(folder, 'certificate.pem')
  await writeFile(ca, chain)
  return {
    settings: { server: `https://127.0.0.1:${(server.address() as AddressInfo).port}/dir`, ca },
    asked,
    answer: (path, how) => void (how === null ? own.delete(path) : own.set(path, how)),
    async remove() {
      server.closeAllConnections()
      server.close()
      await rm(folder, { recursive: true })
    },
  }
}

function say(response: ServerResponse, { status = 200, headers = {}, body }: Own): void {
  if (body === undefined) return
  response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
}
