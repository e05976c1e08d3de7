/** The real git door, as a process, and the real hook, against the kernel's real socket; only what is behind that is played. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Caller } from '../server/commands/call.ts'
import type { Context } from '../server/commands/command.ts'
import { hashOfToken, newToken } from '../server/commands/token.ts'
import type { Token } from '../server/domain/access.ts'
import { createKernelSocket } from '../server/doors/kernel-socket.ts'
import { UserError } from '../server/errors.ts'
import { freePort } from './free-port.ts'
import { quickly } from './quickly.ts'

export interface GitWorld {
  readonly port: number
  readonly folder: string
  /** Opens everything; the owner is called ci. */
  readonly token: string
  /** What is known of each token, by its hash; tests change it. */
  readonly tokens: Map<string, Token>
  /** The door's process. */
  readonly door: ChildProcess
  /** What the kernel makes of a push; tests change it. */
  decide: (context: Context, words: readonly string[]) => Promise<string[]>
  /** Address of the repository blog, with a token as the password. */
  url(token?: string): string
  run(words: readonly string[], cwd?: string): Promise<{ code: number | null; out: string }>
  /** Names of processes that the door started and that are still there. */
  leftOver(): Promise<string[]>
  stop(): Promise<void>
}

const program = join(import.meta.dirname, '..')

export async function startGitWorld(): Promise<GitWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'mp-git-'))
  const paths = {
    run: join(folder, 'run'),
    pushes: join(folder, 'run/pushes'),
    repositories: join(folder, 'repositories'),
  }
  for (const path of Object.values(paths)) await mkdir(path, { recursive: true })
  await makeRepository(join(paths.repositories, 'blog1234.git'))
  const token = newToken()
  const tokens = new Map([[hashOfToken(token) ?? '', aToken('ci')]])
  const port = await freePort()
  let door: ChildProcess | undefined

  const world: GitWorld = {
    ...{ port, folder, token, tokens },
    get door() {
      return door as ChildProcess
    },
    decide: async ({ source }) => {
      await source?.resume().toArray()
      return ['-----> live']
    },
    url: (given = token) => `http://any:${given}@127.0.0.1:${port}/blog.git`,
    run: (words, cwd = folder) => run(words, cwd),
    leftOver: () => startedBy(door as ChildProcess, paths.pushes),
    async stop() {
      const ended = door && once(door, 'exit')
      door?.kill()
      await ended
      kernel.close()
      kernel.closeAllConnections()
      await rm(folder, { recursive: true, force: true })
    },
  }
  const kernel = await listen(playedKernel(world), join(paths.run, 'kernel.sock'))
  door = await startDoor(folder, port)
  return world
}

export function aToken(name: string, more: Partial<Token> = {}): Token {
  const [created, until] = ['2026-01-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z']
  return { name, role: 'deployer', apps: null, createdAt: created, expiresAt: until, lastUsedAt: null, ...more }
}

/** Knows the app blog, and lets a viewer only fetch. */
function playedKernel(world: GitWorld): Server {
  const repository = join(world.folder, 'repositories/blog1234.git')
  const lines = async (words: readonly string[], context: Context) => {
    const [command, ...rest] = words
    if (command === 'git:push') return world.decide(context, words)
    if (command === 'git:receive-pack' && context.actor.role === 'viewer')
      throw new UserError('forbidden', `${context.actor.name} is a viewer and may not push.`)
    if (!['blog', 'blog.git'].includes(rest.at(-1) ?? ''))
      throw new UserError('not-found', 'There is no app named that.')
    return [repository]
  }
  const caller = { lines, expects: () => null } as unknown as Caller
  return createKernelSocket({
    caller,
    keys: { byName: async () => null },
    tokens: { byHash: async (hash) => world.tokens.get(hash) ?? null, used: async () => {} },
    health: async () => ({}),
  })
}

async function listen(server: Server, socket: string): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  return server
}

async function makeRepository(path: string): Promise<void> {
  await quickly('git', 'init', '--quiet', '--bare', '--initial-branch=main', path)
  await quickly('git', '-C', path, 'config', 'core.hooksPath', join(program, 'hooks'))
}

async function startDoor(home: string, port: number): Promise<ChildProcess> {
  const door = spawn(process.execPath, [join(program, 'server/doors/git-http.ts')], {
    env: {
      PATH: process.env.PATH ?? '',
      HOME: home,
      MEGAPOLOS_HOME: home,
      MEGAPOLOS_GIT_PORT: String(port),
      MEGAPOLOS_SOCKET: join(home, 'run/kernel.sock'),
      MEGAPOLOS_PUSHES: join(home, 'run/pushes'),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await once(door.stderr as never, 'data')
  door.stderr?.resume()
  return door
}

async function run(words: readonly string[], cwd: string): Promise<{ code: number | null; out: string }> {
  const [command = '', ...args] = words
  const env = { PATH: process.env.PATH ?? '', HOME: cwd, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1' }
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const code = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await code, out: out + err }
}

/** A new repository with one commit of `bytes` that do not compress. */
export async function makeWork(world: GitWorld, name: string, bytes: Buffer): Promise<string> {
  const work = join(world.folder, name)
  await mkdir(work)
  await writeFile(join(work, 'file'), bytes)
  for (const words of [
    ['init', '--quiet', '--initial-branch=main'],
    ['add', '.'],
    ['-c', 'user.name=A', '-c', 'user.email=a@example.com', 'commit', '--quiet', '-m', name],
  ])
    await quickly('git', '-C', work, ...words)
  return work
}

/** Whatever the door starts inherits what it was told, also when its parent is gone. */
async function startedBy(door: ChildProcess, pushes: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== door.pid)
  const names = pids.map(async (pid) => {
    const told = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
    return told.includes(`MEGAPOLOS_PUSHES=${pushes}`) ? readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '') : ''
  })
  return (await Promise.all(names)).map((name) => name.trim()).filter(Boolean)
}
