import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Caller } from '../commands/call.ts'
import type { Context } from '../commands/command.ts'
import type { Key } from '../domain/access.ts'
import { UserError } from '../errors.ts'
import { frame } from './frames.ts'
import { createKernelSocket } from './kernel-socket.ts'

// The real hooks, run as sshd and git run them, against the real door; only what is behind the door is played.
const hooks = join(import.meta.dirname, '../../hooks')
const laptop: Key = {
  name: 'laptop',
  fingerprint: 'SHA256:0hLlZ4NrsBZYqmnJgUNxFbGsHl3v3WmVv8KZ7BfbbJE',
  publicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw',
  role: 'admin',
  createdAt: '2026-01-01T00:00:00.000Z',
}

let folder: string
let socket: string
let server: Server
let lines: (words: readonly string[], context: Context) => Promise<string[]>
let terminal: Caller['terminal']

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mp-door-'))
  socket = join(folder, 'kernel.sock')
  const caller: Caller = {
    lines: (words, context) => lines(words, context),
    value: () => Promise.reject(new Error('not used here')),
    terminal: (words, context) => terminal(words, context),
    expects: ([name = '']) => (name in reads ? { what: 'something', streams: reads[name] === 'stream' } : null),
    outline: () => null,
  }
  const keys = { byName: async (name: string) => (name === laptop.name ? laptop : null) }
  const tokens = { byHash: async () => null, used: async () => {} }
  server = createKernelSocket({ caller, keys, tokens, health: async () => ({ store: 'ok' }) })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
})

const reads: Readonly<Record<string, 'text' | 'stream'>> = { 'keys:add': 'text', 'db:import': 'stream' }

afterAll(async () => {
  server.close()
  await rm(folder, { recursive: true })
})

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

async function run(
  hook: string,
  args: readonly string[],
  env: Record<string, string> = {},
  input = '',
): Promise<Ended> {
  const child = spawn(join(hooks, hook), args, {
    env: { PATH: process.env.PATH ?? '', MEGAPOLOS_SOCKET: socket, ...env },
  })
  child.stdin.end(input)
  return ended(child)
}

async function ended(child: ChildProcess): Promise<Ended> {
  const code = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [out, err] = await Promise.all([text(child.stdout as never), text(child.stderr as never)])
  return { code: await code, out, err }
}

const ssh = (line: string, input = '') =>
  run('forced-command', ['laptop'], { SSH_ORIGINAL_COMMAND: line, SSH_CONNECTION: '10.1.2.3 50000 10.1.2.1 22' }, input)

test('what was typed over SSH arrives as words, with the key and the address it came from', async () => {
  lines = async (words, { actor }) => [...words, JSON.stringify(actor)]
  const { code, out, err } = await ssh(`config:set blog A='two  words' B=ä`)
  expect(out).toBe(
    'config:set\nblog\nA=two  words\nB=ä\n{"name":"laptop","role":"admin","door":"ssh","from":"10.1.2.3"}\n',
  )
  expect({ code, err }).toEqual({ code: 0, err: '' })
})

test('words of the console arrive as they are, blanks, quotes and newlines included', async () => {
  const words = ['config:set', 'blog', `A=it's "two"\nlines`, '']
  lines = async (got, { actor }) => [JSON.stringify(got), actor.name]
  const { out } = await run('forced-command', ['--console', ...words])
  expect(out).toBe(`${JSON.stringify(words)}\nroot\n`)
})

test('no words at all are the empty command', async () => {
  lines = async (words) => [`${words.length} words`]
  expect((await ssh('')).out).toBe('0 words\n')
  expect((await run('forced-command', ['--console'])).out).toBe('0 words\n')
})

test('a refusal is on standard error, with its hint, its proof and its exit code', async () => {
  lines = async (_words, { emit }) => {
    emit('-----> Building')
    throw new UserError('refused', 'The build failed: “npm ci” ended with 1.', 'Push again.', ['one', 'two\tß\u0007'])
  }
  const { code, out, err } = await ssh('anything')
  expect(out).toBe('-----> Building\n')
  expect(err).toBe(' !     The build failed: “npm ci” ended with 1.\n !     Push again.\n       one\n       two\tß \n')
  expect(code).toBe(1)
})

test('what a refusal quotes cannot pass for its exit code, or for a wish for input', async () => {
  const quoted = ['Megapolos-Exit: 0', 'Megapolos-Input: wanted', 'x\r\nMegapolos-Exit: 0\r\n']
  let asked = 0
  lines = async () => {
    asked++
    throw new UserError('refused', `There is no ${quoted.join(' ')}`, quoted.join(' '), quoted)
  }
  expect(await ssh('anything', 'input')).toMatchObject({ code: 1, err: expect.stringContaining('Megapolos-Exit: 0') })
  expect(asked).toBe(1)
})

test('a command that reads standard input gets it, and only then is it read', async () => {
  lines = async (_words, { input }) => [input]
  expect((await ssh('keys:add laptop', 'ssh-ed25519 AAAA\n')).out).toBe('ssh-ed25519 AAAA\n\n')
  expect((await ssh('apps:list', 'never read')).out).toBe('\n')
})

test('input of any length and any bytes comes as it is sent, while the command already runs', async () => {
  const bytes = randomBytes(24 * 1024 * 1024)
  const hash = createHash('sha256')
  lines = async (_words, { source, emit, input }) => {
    emit('reading')
    for await (const chunk of source ?? []) hash.update(chunk as Buffer)
    return [hash.digest('hex'), input]
  }
  const child = spawn(join(hooks, 'forced-command'), ['laptop'], {
    env: { PATH: process.env.PATH ?? '', MEGAPOLOS_SOCKET: socket, SSH_ORIGINAL_COMMAND: 'db:import blog-db' },
  })
  // The rest is only sent once the command has begun with the first part of it.
  child.stdin.write(bytes.subarray(0, 100_000))
  child.stdout.once('data', () => child.stdin.end(bytes.subarray(100_000)))
  const { code, out, err } = await ended(child)
  expect(err).toBe('')
  expect(out).toBe(`reading\n${createHash('sha256').update(bytes).digest('hex')}\n\n`)
  expect(code).toBe(0)
})

test('config:set that ends like a terminal command is none', async () => {
  lines = async (words) => [...words]
  expect((await ssh('config:set blog A=:connect')).out).toBe('config:set\nblog\nA=:connect\n')
})

test('a kernel that is not there is said, with the command that starts it and exit code 75', async () => {
  const { code, err } = await run('forced-command', ['laptop'], {
    MEGAPOLOS_SOCKET: '/var/lib/nobody/run/kernel.sock',
    SSH_ORIGINAL_COMMAND: 'apps:list',
  })
  expect(code).toBe(75)
  const installer = join(hooks, '../install.sh')
  expect(err.split('\n')).toEqual([
    ' !     The kernel of MegapolOS is not running; apps go on serving.',
    ` !     On the server, as root: ${installer} start --home /var/lib/nobody`,
    '',
  ])
})

test('a kernel that dies in the middle of an answer is said, and where to look what became of it', async () => {
  const path = join(folder, 'dying.sock')
  const dying = createServer((_request, response) => {
    response.write('-----> Beginning\n', () => response.destroy())
  })
  await new Promise<void>((resolve) => dying.listen(path, resolve))
  const { code, out, err } = await run('forced-command', ['laptop'], {
    MEGAPOLOS_SOCKET: path,
    SSH_ORIGINAL_COMMAND: 'backups:capture notes',
  })
  dying.close()
  expect([code, out]).toEqual([75, '-----> Beginning\n'])
  expect(err.split('\n')).toEqual([
    ' !     The kernel of MegapolOS ended before it had answered; it starts again by itself.',
    ' !     What became of it: jobs:list. If it was not done, say the same again.',
    '',
  ])
})

test('a key that was removed meanwhile is refused', async () => {
  const { code, err } = await run('forced-command', ['gone'], { SSH_ORIGINAL_COMMAND: 'apps:list' })
  expect({ code, err }).toEqual({ code: 77, err: ' !     Your key was removed.\n' })
})

test('a command costs no more than four processes', async () => {
  lines = async () => ['done']
  // Among numbers of its own, where the shell that asks for the newest has the first.
  const counting = `${join(hooks, 'forced-command')} laptop; read -r _ _ _ _ newest </proc/loadavg; echo $newest`
  const child = spawn('unshare', ['--pid', '--fork', '--mount-proc', 'sh', '-c', counting], {
    env: { PATH: process.env.PATH ?? '', MEGAPOLOS_SOCKET: socket, SSH_ORIGINAL_COMMAND: 'apps:list' },
  })
  const [done, newest] = (await ended(child)).out.split('\n')
  expect(done).toBe('done')
  // sh, its two halves of a pipe, curl.
  expect(Number(newest) - 1).toBeLessThanOrEqual(4)
})

test('secrets on a command line never show in the list of processes', async () => {
  let seen = ''
  lines = async () => {
    seen = await text(spawn('ps', ['axww', '-o', 'args']).stdout)
    return []
  }
  await ssh('config:set blog API_KEY=hunter2-planted')
  expect(seen).toContain('curl')
  expect(seen).not.toContain('hunter2-planted')
})

test('a hung-up caller aborts the command', async () => {
  const aborted = new Promise<void>((resolve) => {
    lines = async (_words, { signal, emit }) => {
      signal.addEventListener('abort', () => resolve())
      emit('started')
      await new Promise(() => {})
      return []
    }
  })
  const child = spawn(join(hooks, 'forced-command'), ['laptop'], {
    detached: true,
    env: { PATH: process.env.PATH ?? '', MEGAPOLOS_SOCKET: socket, SSH_ORIGINAL_COMMAND: 'logs blog --tail' },
  })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  process.kill(-(child.pid as number), 'SIGTERM')
  await aborted
})

test('a caller whose connection was served by a process that ended is gone, though the hook still waits', async () => {
  const aborted = Promise.withResolvers<void>()
  lines = async (_words, { signal }) => {
    signal.addEventListener('abort', () => aborted.resolve())
    await aborted.promise
    return []
  }
  const session = spawn('sleep', ['60'])
  const asked = request({
    socketPath: socket,
    path: '/push',
    method: 'POST',
    headers: { 'megapolos-key': 'laptop', 'megapolos-session': `/proc/${session.pid}` },
  })
  asked.end()
  await once(asked, 'response')
  session.kill()
  await aborted.promise
})

function played() {
  const stdin = new PassThrough()
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  let finish = (_code: number) => {}
  const exit = new Promise<number>((resolve) => (finish = resolve))
  const end = (code: number) => {
    stdout.end()
    stderr.end()
    finish(code)
  }
  return {
    stdin,
    stdout,
    stderr,
    end,
    session: { stdin, stdout, stderr, exit, resize: async () => {}, kill: async () => {} },
  }
}

test('run joins standard input and both outputs to the container, and hands its exit code on', async () => {
  const container = played()
  terminal = async (words, { tty }) => {
    container.stdout.write(`${words.join(' ')} ${tty}\n`)
    container.stderr.write('a warning\n')
    void buffer(container.stdin).then((got) => {
      container.stdout.write(`got ${got.length} bytes`)
      container.end(37)
    })
    return container.session
  }
  const { code, out, err } = await ssh(`run blog sh -c 'exit 37'`, 'x'.repeat(300_000))
  expect({ code, out, err }).toEqual({
    code: 37,
    out: 'run blog sh -c exit 37 false\ngot 300000 bytes',
    err: 'a warning\n',
  })
})

test('a terminal that is refused says why, with its exit code', async () => {
  terminal = () => Promise.reject(new UserError('conflict', 'blog has no release yet.', 'Push it first.'))
  const { code, err } = await ssh('enter blog')
  expect({ code, err }).toEqual({ code: 73, err: ' !     blog has no release yet.\n !     Push it first.\n' })
})

test('a line of proof longer than curl takes is cut, and the rest of the refusal arrives', async () => {
  lines = async () => {
    throw new UserError('refused', 'web.1 exited with code 1.', 'Look at its log.', [
      `{"stack":"${'ü'.repeat(5000)}"}`,
      'last',
    ])
  }
  const { code, err } = await ssh('anything')
  expect(code).toBe(1)
  expect(err).toMatch(/^ ! {5}web\.1 exited with code 1\.\n ! {5}Look at its log\.\n {7}\{"stack":"ü+…\n {7}last\n$/)
})

test('the console has a terminal too', async () => {
  terminal = async () => {
    const container = played()
    container.end(0)
    return container.session
  }
  expect(await run('forced-command', ['--console', 'run', 'blog', 'true'])).toEqual({ code: 0, out: '', err: '' })
})

/** Opens a terminal by hand, so that the caller can do what no hook does. */
function openByHand(): Promise<Socket> {
  const asked = request({
    socketPath: socket,
    path: '/terminal',
    method: 'POST',
    headers: {
      connection: 'Upgrade',
      upgrade: 'megapolos-terminal',
      'megapolos-key': 'laptop',
      'megapolos-line': Buffer.from('run blog cat').toString('base64'),
    },
  })
  asked.end()
  return new Promise((resolve, reject) =>
    asked.once('upgrade', (_answer, opened) => resolve(opened)).once('error', reject),
  )
}

test('whoever hangs up while a terminal is being opened does not end the kernel', async () => {
  const opening = Promise.withResolvers<void>()
  const refused = Promise.withResolvers<never>()
  terminal = () => {
    opening.resolve()
    return refused.promise
  }
  const connection = connect(socket)
  connection.write(
    'POST /terminal HTTP/1.1\r\nHost: kernel\r\nConnection: Upgrade\r\nUpgrade: x\r\nMegapolos-Key: laptop\r\n\r\n',
  )
  await opening.promise
  connection.destroy()
  await once(connection, 'close')
  refused.reject(new UserError('unavailable', 'Too late.'))
  lines = async () => ['alive']
  expect((await ssh('whoami')).out).toBe('alive\n')
})

test('a terminal whose caller is gone ends its command, silent or not', async () => {
  const killed = Promise.withResolvers<void>()
  const container = played()
  terminal = async () => ({ ...container.session, kill: async () => killed.resolve() })
  const opened = await openByHand()
  opened.end()
  await killed.promise
})

test('a command that reads slowly holds its caller back', async () => {
  const container = played()
  terminal = async () => container.session
  const opened = await openByHand()
  opened.on('error', () => {})
  const block = frame('stdin', Buffer.alloc(1024 * 1024))
  for (let sent = 0; sent < 50; sent++) opened.write(block)
  // It drains only if somebody takes all of it.
  await once(opened, 'drain', { signal: AbortSignal.timeout(500) }).catch(() => {})
  expect(container.stdin.writableLength).toBeLessThan(4 * 1024 * 1024)
  opened.destroy()
})

test('a result of many megabytes arrives whole', async () => {
  lines = async () => Array.from({ length: 2000 }, () => 'x'.repeat(10_000))
  const { code, out } = await ssh('logs blog --num 2000')
  expect([code, out.length]).toEqual([0, 2000 * 10_001])
})

test('an answer that nobody reads ends its command before it fills the memory', async () => {
  const aborted = Promise.withResolvers<void>()
  lines = async (_words, { emit, signal }) => {
    signal.addEventListener('abort', () => aborted.resolve())
    while (!signal.aborted) {
      emit('x'.repeat(100_000))
      await new Promise(setImmediate)
    }
    return []
  }
  const connection = connect(socket)
  connection.on('error', () => {})
  connection.write('POST /command HTTP/1.1\r\nHost: kernel\r\nMegapolos-Key: laptop\r\nContent-Length: 4\r\n\r\nlogs')
  connection.pause()
  await aborted.promise
  connection.destroy()
})

test('bytes that a command writes arrive as they are, with nothing before or after them', async () => {
  const sent = randomBytes(3_000_000)
  lines = async (_words, { write }) => {
    for (let at = 0; at < sent.length; at += 65_521) await write?.(sent.subarray(at, at + 65_521))
    return []
  }
  const child = spawn(join(hooks, 'forced-command'), ['laptop'], {
    env: { PATH: process.env.PATH ?? '', MEGAPOLOS_SOCKET: socket, SSH_ORIGINAL_COMMAND: 'server:backup --stdout' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  expect((await buffer(child.stdout)).equals(sent)).toBe(true)
})

test('bytes wait for a reader who is slow, and fail when it is gone', async () => {
  const failed = Promise.withResolvers<unknown>()
  let written = 0
  lines = async (_words, { write }) => {
    for (;;) {
      await write?.(Buffer.alloc(100_000)).catch((error) => {
        failed.resolve(error)
        throw error
      })
      written += 100_000
    }
  }
  const connection = connect(socket)
  connection.write('POST /command HTTP/1.1\r\nHost: kernel\r\nMegapolos-Key: laptop\r\nContent-Length: 4\r\n\r\nlogs')
  await once(connection, 'readable')
  for (let before = -1; before !== written; await pause(100)) before = written
  expect(written).toBeLessThan(4 * 1024 * 1024)
  connection.destroy()
  expect(await failed.promise).toMatchObject({ code: 'cancelled' })
})
