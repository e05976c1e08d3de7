/** Programs that tests talk to at a port of the loopback. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

export interface Program {
  /** What it has written so far. */
  log(): string
  kill(): Promise<void>
  start(): Promise<void>
}

/** Runs, and answers at these ports, when this resolves. */
export async function startProgram(
  name: string,
  words: readonly string[],
  ports: readonly number[],
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  let child: ChildProcess
  let said = ''
  const start = async () => {
    child = spawn(name, words, { env: { PATH: '/usr/sbin:/usr/bin', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes) => (said += bytes))
    const failed = Promise.withResolvers<never>()
    failed.promise.catch(() => {})
    child.once('error', failed.reject)
    child.once('exit', (code) => failed.reject(new Error(`${name} ended with ${code}: ${said}`)))
    await Promise.race([Promise.all(ports.map(answers)), failed.promise])
  }
  await start()
  return {
    log: () => said,
    start,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Nobody tells when a program listens. */
async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    const socket = connect(port, '127.0.0.1')
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isThere) return
    await pause(20)
  }
  throw new Error(`nobody answers at port ${port}`)
}
