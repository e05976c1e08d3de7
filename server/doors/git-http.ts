/**
 * git over HTTP: a program of its own, run as the user that owns the repositories. Whatever it is sent, the kernel does
 * not fall with it. It listens on loopback; the proxy leads `git.<global domain>` here.
 */
import { readdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type Config, readConfig } from '../config.ts'
import { createLog, type Log } from '../log.ts'
import { openBody } from './git-body.ts'
import { type Admitted, createGate, Refusal } from './git-gate.ts'
import { refuseRefs, strangeRefs } from './git-refused-refs.ts'
import { createGitService } from './git-service.ts'

/** Requests that git may be answering at a time, the silent minutes of a build included. */
const room = 32

export function createGitDoor({ paths }: Pick<Config, 'paths'>, log: Log): Server {
  // Pushes of a door that died: their pushers are gone.
  for (const note of readdirSync(paths.pushes)) rmSync(join(paths.pushes, note))
  const admit = createGate(paths.socket, log)
  const git = createGitService(paths.repositories, paths.pushes, log)
  let busy = 0

  // No limit for a whole request: an upload lasts as long as it lasts. `openBody` ends those that fall silent.
  const server = createServer({ requestTimeout: 0, headersTimeout: 20_000 }, (request, response) => {
    response.on('error', () => {})
    answer(request, response).catch((error) => refuse(response, error))
  })
  server.maxConnections = 512
  return server

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const admitted = await admit(request)
    if (busy >= room) throw new Refusal(503, ' !     Too many pushes and fetches at once; try again in a minute.')
    busy += 1
    try {
      if (admitted.advertises) await advertise(admitted, response)
      else await exchange(admitted, request, response)
    } finally {
      busy -= 1
    }
  }

  async function advertise(admitted: Admitted, response: ServerResponse): Promise<void> {
    const closed = new Promise((resolve) => response.once('close', resolve))
    git.advertise(admitted, response)
    await closed
  }

  async function exchange(admitted: Admitted, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await openBody(request, admitted.service)
    if (body.head === null) {
      // git asks so, before a large upload, whether it is let in.
      body.rest.resume()
      response.writeHead(200, { 'content-type': `application/x-${admitted.service}-result` }).end()
      return
    }
    if (admitted.service === 'git-receive-pack') {
      const strange = strangeRefs(body.lines)
      if (strange.length > 0) return refuseRefs(strange, body, response)
    } else if (!/^want [0-9a-f]{40}/.test(body.lines[0] ?? ''))
      throw new Refusal(400, ' !     This is no fetch of git’s.')
    await git.exchange(admitted, body, response)
  }

  function refuse(response: ServerResponse, error: unknown): void {
    if (response.destroyed) return
    if (!(error instanceof Refusal)) log.error('a request failed', error)
    if (response.headersSent) {
      response.destroy()
      return
    }
    const { status, message } =
      error instanceof Refusal ? error : new Refusal(500, ' !     Internal error; logs/git.log says more.')
    response.writeHead(status, {
      'content-type': 'text/plain; charset=utf-8',
      // The rest of a body that nobody reads must not be taken for the next request.
      connection: 'close',
      ...(status === 401 && { 'www-authenticate': 'Basic realm="MegapolOS"' }),
      ...((status === 503 || status === 429) && { 'retry-after': '60' }),
    })
    response.end(`${message}\n`)
  }
}

if (import.meta.main) {
  const config = readConfig()
  const log = createLog()
  process.on('unhandledRejection', (error) => log.error('git.unhandled', error))
  createGitDoor(config, log).listen(config.gitPort, '127.0.0.1', () =>
    log.info('git.started', { port: config.gitPort }),
  )
}
