/** Small apps and clients that the proxy suite plays with. */
import { once } from 'node:events'
import {
  type Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'

export interface App {
  readonly target: string
  /** What it says to everything that has no path of its own. */
  readonly answer: string
  /** The first piece of a body that it was sent. */
  readonly begun: Promise<string>
  /** Answers all requests to `/wait`, once so many have come: the proxy counts them before that. */
  release(count?: number): Promise<void>
  stop(): Promise<void>
}

export async function startApp(answer: string): Promise<App> {
  const waiting: ServerResponse[] = []
  const begun = Promise.withResolvers<string>()
  const server = createServer((incoming, response) => {
    incoming.once('data', (chunk) => begun.resolve(String(chunk)))
    void respond(incoming, response, answer, waiting)
  })
  server.on('upgrade', ({ url }, socket: Socket) => {
    socket.on('error', () => {}).on('end', () => socket.end())
    if (url === '/refused') {
      return socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n', () => socket.destroy())
    }
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.on('data', (data) => (data.toString() === 'leave' ? socket.destroy() : socket.write(data)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  const release = async (count = 1) => {
    await until(async () => waiting.filter(({ destroyed }) => !destroyed).length >= count)
    for (const response of waiting.splice(0)) response.end(answer)
  }
  return { target: `127.0.0.1:${(server.address() as AddressInfo).port}`, answer, begun: begun.promise, release, stop }
}

async function respond(
  incoming: IncomingMessage,
  response: ServerResponse,
  answer: string,
  waiting: ServerResponse[],
): Promise<void> {
  let length = 0
  try {
    for await (const chunk of incoming) length += (chunk as Buffer).length
  } catch {
    return
  }
  const [, first, second] = (incoming.url ?? '/').split('/')
  if (first === 'wait') waiting.push(response)
  else if (first === 'break') response.destroy()
  else if (first === 'break-late') response.write('half', () => response.destroy())
  else if (first === 'break-head') response.socket?.end('HTTP/1.1 200 OK\r\nContent-Le')
  else if (first === 'half') response.write('half')
  else if (first === 'events') response.setHeader('content-type', 'text/event-stream').write('data: 1\n\n')
  else if (first === 'headers') response.end(JSON.stringify(incoming.headers))
  else if (first === 'length') response.end(String(length))
  else {
    if (first === 'status') response.statusCode = Number(second)
    response.end(answer)
  }
}

/** A server that accepts nobody, as one that hangs: who connects waits until they give up. */
export async function startDeaf(): Promise<{ readonly target: string; stop(): Promise<void> }> {
  const listening = `
    const { parentPort } = require('node:worker_threads')
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
    })`
  const worker = new Worker(listening, { eval: true })
  const [port] = (await once(worker, 'message')) as [number]
  // The kernel takes in a few on its behalf; after those nobody gets through.
  const first = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  await until(async () => first.filter(({ connecting }) => !connecting).length >= 2)
  const stop = async () => {
    for (const socket of first) socket.destroy()
    await worker.terminate()
  }
  return { target: `127.0.0.1:${port}`, stop }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Ask {
  readonly path?: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: Buffer
  readonly signal?: AbortSignal
  /** Instead of a connection of its own. */
  readonly agent?: Agent
  /** Resolve with the first chunk instead of the whole body. */
  readonly firstChunk?: boolean
}

export function ask(
  port: number,
  host: string,
  { path = '/', firstChunk, headers, body, ...more }: Ask,
): Promise<Answer> {
  const answered = new Promise<Answer>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, agent: false, headers: { ...headers, host }, ...more }
    const asked = request(options, (response) => {
      const chunks: Buffer[] = []
      const done = () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        })
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        if (firstChunk) done()
      })
      response.on('error', reject)
      response.on('end', done)
    })
    asked.on('error', reject)
    asked.end(body)
  })
  return alsoUnheard(answered)
}

/** Whoever proves something else, and has failed at that, does not wait for it any more. */
function alsoUnheard<T>(answered: Promise<T>): Promise<T> {
  answered.catch(() => {})
  return answered
}

/** A POST whose body is still to come. */
export function open(port: number, host: string, path: string) {
  const asked = request({ host: '127.0.0.1', port, path, method: 'POST', agent: false, headers: { host } })
  const answered = new Promise<string>((resolve, reject) => {
    asked.on('error', reject)
    asked.once('response', (response) => text(response).then(resolve, reject))
  })
  return { asked, answered: alsoUnheard(answered) }
}

export interface OpenSocket {
  /** Sends a word through it and resolves with what comes back. */
  echo(word: string): Promise<string>
  close(): void
}

/** The upgrade of a WebSocket, then plain bytes: frames are not the proxy's business. */
export async function openSocket(port: number, host: string, path = '/'): Promise<OpenSocket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  const next = () =>
    new Promise<string>((resolve, reject) => {
      socket.once('data', (data) => resolve(data.toString()))
      if (socket.destroyed) reject(new Error('the socket is closed'))
      else socket.once('close', () => reject(new Error('the socket was closed')))
    })
  const answered = next()
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
  const head = await answered
  if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(`the upgrade was answered with ${head}`)
  return {
    echo(word) {
      const back = next()
      socket.write(word)
      return back
    },
    close: () => socket.destroy(),
  }
}

/** Asks again every few milliseconds. */
export async function until(condition: () => Promise<boolean>, seconds = 10): Promise<void> {
  const end = Date.now() + seconds * 1000
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`it did not come true within ${seconds} s`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
