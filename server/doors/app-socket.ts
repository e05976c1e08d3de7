/**
 * The socket in every container, `/megapolos/kernel.sock`: HTTP, a path a command, arguments as a query or a JSON object,
 * a JSON answer. Who asks is known by the socket that they came through: no token, and nothing that an app could say.
 */
import { chmod, rename, rm } from 'node:fs/promises'
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import type { Caller } from '../commands/call.ts'
import { appActor, type SocketGrant } from '../domain/access.ts'
import { folderName, type GroupProcess, type Tenant } from '../domain/group.ts'
import { codes, told, UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import { appLimits } from './app-limits.ts'
import { readRequest, wordsOf } from './app-request.ts'

export interface AppSocketPorts {
  readonly caller: Caller
  readonly store: {
    readonly apps: { byId(id: string): Promise<{ readonly id: string; readonly name: string } | null> }
    readonly socketGrants: { of(app: string): Promise<SocketGrant[]> }
  }
  readonly log: Log
}

/** Connections of one socket; more are closed at once. */
const connections = 32
/** Milliseconds in which a request is in, in which its answer is out and the next request begins. */
const patience = 10_000
/** Milliseconds that a question may take; a change takes as long as it takes. */
const longestQuery = 60_000

export function createAppSocket(ports: AppSocketPorts): Tenant {
  const limits = appLimits()
  const open = new Map<string, { close(): Promise<void> }>()
  const askers = new WeakMap<Socket, GroupProcess>()
  const deadlines = new WeakMap<Socket, NodeJS.Timeout>()
  let made = 0
  const http = createHttp({ maxHeaderSize: 16 * 1024 }, (request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  http.on('clientError', (_error, socket) => socket.destroy())

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request
    hurry(socket)
    const [status, text] = await handle(request, response).then(
      (json): [number, string] => [200, json],
      (error): [number, string] => [codes[told(error).code].status, failureText(told(error))],
    )
    hurry(socket)
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${text}\n`)
  }

  function hurry(socket: Socket): void {
    clearTimeout(deadlines.get(socket))
    deadlines.set(
      socket,
      setTimeout(() => socket.destroy(), patience),
    )
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<string> {
    const one = askers.get(request.socket)
    if (!one) throw new Error('a connection of no socket')
    return limits.run(one.app, async () => {
      const asked = await readRequest(request)
      clearTimeout(deadlines.get(request.socket))
      return run(one, asked, hangUp(response))
    })
  }

  async function run(one: GroupProcess, asked: Awaited<ReturnType<typeof readRequest>>, hungUp: AbortSignal) {
    const row = ports.caller.outline(asked.command)
    if (!row) throw new UserError('not-found', `There is no command “${asked.command}”.`, 'See them all: GET /help')
    if (row.kind !== 'query' && !asked.changes)
      throw new UserError('usage', `${asked.command} changes something: it takes POST.`)
    const app = await ports.store.apps.byId(one.app)
    if (!app) throw new UserError('not-found', 'The app of this container is gone.')
    const args = row.ofApp ? { app: app.name, ...asked.args } : asked.args
    const grants = await ports.store.socketGrants.of(app.id)
    const late = row.kind === 'query' ? [AbortSignal.timeout(longestQuery)] : []
    const lines = await ports.caller.lines(wordsOf(asked.command, args), {
      actor: { ...appActor(app, grants, row.access), door: 'app', from: one.process },
      emit: () => {},
      ...{ input: '', tty: false, signal: AbortSignal.any([hungUp, ...late]) },
    })
    return lines.join('\n') || 'null'
  }

  return {
    async enter(one, folder) {
      if (!open.has(folderName(one))) open.set(folderName(one), await listen(one, folder))
      return []
    },
    async leave(one, folder) {
      await open.get(folderName(one))?.close()
      open.delete(folderName(one))
      await rm(join(folder, 'kernel.sock'), { force: true })
    },
  }

  /**
   * The path of a socket may have 107 characters, and this one is longer: so it is made beside the folder and moved into
   * it, over the one that a killed kernel left. Who has the folder sees the new one at once.
   */
  async function listen(one: GroupProcess, folder: string): Promise<{ close(): Promise<void> }> {
    const sockets = new Set<Socket>()
    const listener = createServer({ allowHalfOpen: true }, (socket) => {
      askers.set(socket, one)
      sockets.add(socket)
      socket.once('close', () => {
        clearTimeout(deadlines.get(socket))
        sockets.delete(socket)
      })
      hurry(socket)
      http.emit('connection', socket)
    })
    listener.maxConnections = connections
    const path = join(dirname(folder), `.${made++}.sock`)
    await rm(path, { force: true })
    await new Promise<void>((resolve, reject) => listener.once('error', reject).listen(path, resolve))
    listener.on('error', (error) => ports.log.error('app-socket.failed', error, { app: one.app }))
    await chmod(path, 0o666)
    await rename(path, join(folder, 'kernel.sock'))
    return {
      close: () =>
        new Promise((resolve) => {
          listener.close(() => resolve())
          for (const socket of sockets) socket.destroy()
        }),
    }
  }
}

function hangUp(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  return gone.signal
}

function failureText({ code, message, hint, detail }: UserError): string {
  return JSON.stringify(
    { error: { code, message, ...(hint && { hint }), ...(detail.length > 0 && { detail }) } },
    null,
    2,
  )
}
