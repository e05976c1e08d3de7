/**
 * The kernel's socket: the door of the hooks and of the git door, and so of SSH, of git and of root's console. Whoever can
 * open it is user megapolos or root; which key or token they came with is what they say.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Caller } from '../commands/call.ts'
import type { Context } from '../commands/command.ts'
import { splitWords } from '../commands/words.ts'
import { codes, errorLines, told, UserError } from '../errors.ts'
import { type Answer, InputWanted, startAnswer } from './answer.ts'
import { lineAndRest } from './streamed-input.ts'
import { joinTerminal } from './terminal.ts'
import { watchSession } from './watch-session.ts'
import { header, type KnownPeople, whoAsks } from './who-asks.ts'

export interface SocketPorts extends KnownPeople {
  readonly caller: Caller
  health(): Promise<Record<string, string>>
}

const inputLimit = 4 * 1024 * 1024

export function createKernelSocket(ports: SocketPorts): Server {
  const server = createServer({ maxHeaderSize: 512 * 1024, requestTimeout: 0 }, (request, response) => {
    answer(request, response).catch((error) => response.destroy(error))
  })
  server.on('upgrade', (request, socket) => {
    // From here on the server leaves the socket's errors to us: a caller who hangs up must not end the kernel.
    socket.on('error', () => {})
    openTerminal(request, socket as never).catch(() => socket.destroy())
  })
  return server

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/health') {
      const health = await ports.health()
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(health))
      return
    }
    const reply = startAnswer(response)
    try {
      await reply.all(await handle(request, response, reply))
      reply.end()
    } catch (error) {
      request.resume()
      reply.end(told(error))
    }
  }

  async function handle(request: IncomingMessage, response: ServerResponse, reply: Answer): Promise<string[]> {
    const context = { ...(await contextOf(request, response, reply.line)), write: reply.bytes }
    if (request.url === '/command') return command(request, context)
    const [app = '', old = '', commit = '', tree = ''] = header(request, 'megapolos-push').split(' ')
    if (request.url === '/push')
      return ports.caller.lines(['git:push', app, header(request, 'megapolos-ref'), old, commit, tree], {
        ...context,
        source: request,
      })
    if (request.url === '/verdict') return ports.caller.lines(['git:verdict', app, commit], context)
    throw new UserError('not-found', `The kernel socket has no ${request.url}.`)
  }

  async function command(request: IncomingMessage, context: Context): Promise<string[]> {
    const form = header(request, 'megapolos-form')
    if (header(request, 'megapolos-streams') === 'true') {
      const { line, rest } = await lineAndRest(request)
      return ports.caller.lines(wordsOf(line, form), { ...context, source: rest })
    }
    const [line = '', input] = split(await body(request), '\0')
    const words = wordsOf(line, form)
    const expected = ports.caller.expects(words, context.actor)
    if (expected !== null && input === undefined) throw new InputWanted(words[0] ?? '', expected)
    return ports.caller.lines(words, { ...context, input: input ?? '' })
  }

  async function openTerminal(request: IncomingMessage, socket: import('node:net').Socket): Promise<void> {
    try {
      const context = await contextOf(request, socket, () => {})
      const line = Buffer.from(header(request, 'megapolos-line'), 'base64').toString()
      const session = await ports.caller.terminal(wordsOf(line, header(request, 'megapolos-form')), context)
      joinTerminal(socket, session)
    } catch (error) {
      const failure = told(error)
      const text = errorLines(failure).join('\n')
      socket.end(
        `HTTP/1.1 ${codes[failure.code].status} Refused\r\nMegapolos-Exit: ${codes[failure.code].exit}\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
      )
    }
  }

  async function contextOf(
    request: IncomingMessage,
    leaving: { once(event: 'close', listener: () => void): unknown },
    emit: (line: string) => void,
  ): Promise<Context> {
    const hungUp = new AbortController()
    const unwatch = watchSession(header(request, 'megapolos-session'), () => hungUp.abort())
    leaving.once('close', () => {
      unwatch()
      hungUp.abort()
    })
    const tty = header(request, 'megapolos-tty') === 'true'
    return { actor: await whoAsks(request, ports), emit, input: '', tty, signal: hungUp.signal }
  }
}

/** SSH sends the line as it was typed; the console has words already, each ended by a record separator. */
function wordsOf(line: string, form: string): string[] {
  return form === 'words' ? line.split('\x1e').slice(0, -1) : splitWords(line)
}

function split(text: string, separator: string): string[] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > inputLimit) throw new UserError('usage', `That is more than ${inputLimit / 1024 / 1024} MB of input.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
