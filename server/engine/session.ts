/** A command with its streams attached: in a container of its own (`run`), or in a running one (`enter`). */
import { type Duplex, PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, isStatus } from './client.ts'
import type { Session } from './engine.ts'
import { frames } from './logs.ts'

export async function attach(client: Client, id: string, tty: boolean): Promise<Session> {
  const socket = await client.hijack(`/containers/${id}/attach`, {
    query: { stream: 1, stdin: 1, stdout: 1, stderr: 1 },
  })
  const streams = split(socket, tty)
  await client.json('POST', `/containers/${id}/start`)
  return {
    stdin: socket,
    stdout: streams.stdout,
    stderr: streams.stderr,
    resize: (columns, rows) => resize(client, `/containers/${id}/resize`, columns, rows),
    exit: streams.ended.then(async () => {
      const { StatusCode } = await client.json<{ StatusCode: number }>('POST', `/containers/${id}/wait`)
      return StatusCode
    }),
    kill: () => client.json<void>('POST', `/containers/${id}/kill`).catch(ignoreEnded),
  }
}

export async function exec(
  client: Client,
  container: string,
  options: { readonly command: readonly string[]; readonly tty: boolean; readonly env?: readonly string[] },
): Promise<Session> {
  const { Id: id } = await client.json<{ Id: string }>('POST', `/containers/${container}/exec`, {
    body: {
      Cmd: options.command,
      Env: options.env ?? [],
      Tty: options.tty,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    },
  })
  const socket = await client.hijack(`/exec/${id}/start`, { body: { Detach: false, Tty: options.tty } })
  const streams = split(socket, options.tty)
  return {
    stdin: socket,
    stdout: streams.stdout,
    stderr: streams.stderr,
    resize: (columns, rows) => resize(client, `/exec/${id}/resize`, columns, rows),
    exit: streams.ended.then(() => execExit(client, id)),
    kill: () => killExec(client, id, socket),
  }
}

/** With a tty everything is one raw stream; without, the two are in frames. */
function split(socket: Duplex, tty: boolean) {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const ended = (async () => {
    try {
      if (tty) for await (const data of socket) await write(stdout, data)
      else
        for await (const frame of frames(socket)) await write(frame.stream === 'stdout' ? stdout : stderr, frame.data)
    } catch {
      // A cut connection ends the streams; the exit code tells the rest.
    }
    stdout.end()
    stderr.end()
  })()
  return { stdout, stderr, ended }
}

async function write(to: PassThrough, data: Buffer): Promise<void> {
  if (!to.write(data)) await new Promise((resolve) => to.once('drain', resolve))
}

/** The first resize races with the start: there is no terminal yet, and the engine says 404 or 409. */
async function resize(client: Client, path: string, columns: number, rows: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.json('POST', path, { query: { w: columns, h: rows } })
    } catch (error) {
      if (!isStatus(error, 404, 409, 500)) throw error
      if (attempt === 10) return
      await delay(20 * attempt)
    }
  }
}

interface ExecState {
  readonly Running: boolean
  readonly ExitCode: number | null
  readonly Pid: number
}

/** The streams end a moment before the engine knows the exit code. */
async function execExit(client: Client, id: string): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const state = await client.json<ExecState>('GET', `/exec/${id}/json`)
    if (!state.Running && state.ExitCode !== null) return state.ExitCode
    await delay(Math.min(10 * attempt, 250))
  }
}

/** The engine has no call to end an exec; its process is one of this machine. */
async function killExec(client: Client, id: string, socket: Duplex): Promise<void> {
  const state = await client.json<ExecState>('GET', `/exec/${id}/json`).catch(() => null)
  if (state?.Running && state.Pid > 0) {
    try {
      process.kill(state.Pid, 'SIGKILL')
    } catch {
      // Ended in between.
    }
  }
  socket.destroy()
}

function ignoreEnded(error: unknown): void {
  if (!isStatus(error, 404, 409)) throw error
}
