/**
 * POSTs after pauses that are about as long as a server keeps an idle connection: a proxy that uses one which is just being
 * closed loses the POST, since nobody may send it twice.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { ProxyDriver } from '../../server/devices/classes/proxy.ts'
import { freePort } from '../../test/free-port.ts'
import { ask, until } from './proxy-apps.ts'

export interface IdleResult {
  readonly posts: number
  readonly failed: readonly string[]
  /** Ids that a server has not seen exactly once. */
  readonly notOnce: readonly string[]
}

/** Clients that ask at the same moment, so that their pauses are also those of the connections behind the proxy. */
const clients = 16
/** Which server, and the pauses in ms: the keep-alive of the proxy (1 s) and that of the server. */
const cohorts = [
  ['node', 1_000],
  ['node', 5_000],
  ['gunicorn', 1_000],
  ['gunicorn', 2_000],
] as const

/** Milliseconds that a wave of them comes early; the clients of a wave follow each other by two. */
const around = [-40, -20, 0, -30, -10]

export async function postAfterPauses(port: number, driver: ProxyDriver, duration: number): Promise<IdleResult> {
  const backends = await Promise.all(cohorts.map(([kind]) => start(kind)))
  try {
    const names = cohorts.map(([kind, rest]) => `${kind}-${rest}.test`)
    const hosts = names.map((name, n) => [name, { app: 'a', targets: [`127.0.0.1:${backends[n]?.port}`] }])
    await driver.apply({ hosts: Object.fromEntries(hosts) })
    const results = await Promise.all(cohorts.map(([, rest], n) => waves(port, names[n] as string, rest, duration)))
    return {
      posts: results.reduce((sum, { posts }) => sum + posts, 0),
      failed: results.flatMap(({ failed }) => failed),
      notOnce: results.flatMap(({ notOnce }) => notOnce),
    }
  } finally {
    for (const { child } of backends) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
}

async function waves(port: number, host: string, rest: number, duration: number): Promise<IdleResult> {
  const agents = Array.from({ length: clients }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  const failed: string[] = []
  const sent: string[] = []
  const post = async (agent: Agent, wave: number, client: number) => {
    await pause(client * 2)
    const id = `${wave}/${client}`
    const body = Buffer.from(`${id} `.repeat(1 + client * 300))
    sent.push(id)
    const headers = { 'x-id': id, 'content-length': String(body.length) }
    const said = await ask(port, host, { method: 'POST', agent, headers, body }).catch((error: Error) => error.message)
    if (typeof said === 'string') failed.push(`${host} ${id}: ${said}`)
    else if (said.status !== 200) failed.push(`${host} ${id}: ${said.status}`)
    else if (said.body !== body.toString()) failed.push(`${host} ${id}: another body`)
  }
  const end = performance.now() + duration
  for (let wave = 0; performance.now() < end; wave++) {
    await Promise.all(agents.map((agent, client) => post(agent, wave, client)))
    await pause(rest + (around[wave % around.length] as number))
  }
  for (const agent of agents) agent.destroy()
  const seen = JSON.parse((await ask(port, host, {})).body) as Record<string, number>
  return { posts: sent.length, failed, notOnce: sent.filter((id) => seen[id] !== 1).map((id) => `${id}: ${seen[id]}`) }
}

async function start(kind: 'node' | 'gunicorn'): Promise<{ port: number; child: ChildProcess }> {
  const port = await freePort()
  const folder = join(import.meta.dirname, 'backends')
  const gunicorn = ['--bind', `127.0.0.1:${port}`, '--worker-class', 'gthread', '--threads', '32', '--keep-alive', '2']
  const [program, ...words] =
    kind === 'node'
      ? [process.execPath, join(folder, 'node.cjs'), String(port)]
      : ['/usr/bin/gunicorn', '--chdir', folder, ...gunicorn, '--log-level', 'error', 'echo:app']
  const child = spawn(program as string, words, { stdio: ['ignore', 'inherit', 'inherit'] })
  await until(() =>
    ask(port, 'a', {}).then(
      () => true,
      () => false,
    ),
  )
  return { port, child }
}
