/** A command with its streams attached: in a container of its own (`run`), or in a running one (`enter`). */
import { type Duplex, PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type Docker from 'dockerode'
import type { Client } from './client.ts'
import type { ExecWords, Session } from './engine.ts'
import { frames } from './logs.ts'
import { isStatus } from './transport.ts'

export async function attach(client: Client, id: string, tty: boolean): Promise<Session> {
  const container = client.container(id)
  const asked = { hijack: true, stream: true, stdin: true, stdout: true, stderr: true }
  const socket = (await container.attach(asked)) as Duplex
  const streams = split(socket, tty)
  await container.start()
  return {
    stdin: socket,
    stdout: streams.stdout,
    stderr: streams.stderr,
    resize: (columns, rows) => resize(container, columns, rows),
    exit: streams.ended.then(async () => (await container.wait()).StatusCode),
    kill: () => container.kill().catch(ignoreEnded).finally(streams.drop),
  }
}

export async function exec(client: Client, container: string, options: ExecWords): Promise<Session> {
  const command = await client.container(container).exec({
    Cmd: [...options.command],
    Env: [...(options.env ?? [])],
    ...(options.user !== undefined && { User: options.user }),
    Tty: options.tty,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  })
  const socket = await command.start({ hijack: true, Detach: false, Tty: options.tty })
  const streams = split(socket, options.tty)
  return {
    stdin: socket,
    stdout: streams.stdout,
    stderr: streams.stderr,
    resize: (columns, rows) => resize(command, columns, rows),
    exit: streams.ended.then(() => exitCode(command)),
    kill: () => kill(command, socket).finally(streams.drop),
  }
}

/** With a tty everything is one raw stream; without, the two are in frames. */
function split(socket: Duplex, tty: boolean) {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const ended = (async () => {
    try {
      if (tty) for await (const data of socket) await write(stdout, data as Buffer)
      else
        for await (const frame of frames(socket)) await write(frame.stream === 'stdout' ? stdout : stderr, frame.data)
    } catch {
      // A cut connection ends the streams; the exit code tells the rest.
    }
    stdout.end()
    stderr.end()
  })()
  /** Nobody reads on: what still waits for a reader would keep the connection open for good. */
  const drop = () => {
    for (const stream of [socket, stdout, stderr]) stream.destroy()
  }
  return { stdout, stderr, ended, drop }
}

async function write(to: PassThrough, data: Buffer): Promise<void> {
  if (to.write(data)) return
  const { promise, resolve } = Promise.withResolvers<void>()
  to.once('drain', resolve).once('close', resolve)
  await promise
  // A dump waits like this thousands of times.
  to.off('drain', resolve).off('close', resolve)
}

/** The first resize races with the start: there is no terminal yet, and the engine says 404 or 409. */
async function resize(of: Docker.Container | Docker.Exec, columns: number, rows: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await of.resize({ w: columns, h: rows })
      return
    } catch (error) {
      if (!isStatus(error, 404, 409, 500)) throw error
      if (attempt === 10) return
      await delay(20 * attempt)
    }
  }
}

/** The streams end a moment before the engine knows the exit code. */
async function exitCode(command: Docker.Exec): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const state = await command.inspect()
    if (!state.Running && state.ExitCode !== null) return state.ExitCode
    await delay(Math.min(10 * attempt, 250))
  }
}

/** The engine has no call to end an exec; its process is one of this machine. One that has just begun is none yet. */
async function kill(command: Docker.Exec, socket: Duplex): Promise<void> {
  for (let attempt = 1; attempt <= 20; attempt++) {
    const state = await command.inspect().catch(() => null)
    if (state === null || (!state.Running && state.ExitCode !== null)) break
    if (state.Pid > 0) {
      try {
        process.kill(state.Pid, 'SIGKILL')
      } catch {
        // Ended in between.
      }
      break
    }
    await delay(10 * attempt)
  }
  socket.destroy()
}

function ignoreEnded(error: unknown): void {
  if (!isStatus(error, 404, 409)) throw error
}
