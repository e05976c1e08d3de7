/** A panel in front of made-up answers, each checked against what the command really returns. */

import type { Caller } from '../server/commands/call.ts'
import type { AnyCommand, Context } from '../server/commands/command.ts'
import { table } from '../server/commands/index.ts'
import { createSignIn } from '../server/commands/sign-in.ts'
import type { Actor, Key } from '../server/domain/access.ts'
import { createPanel } from '../server/doors/panel.ts'
import { UserError } from '../server/errors.ts'

type Answer = unknown | ((args: Record<string, unknown>, context: Context) => unknown)

export const laptop: Key = {
  name: 'laptop',
  fingerprint: 'SHA256:abc',
  publicKey: 'ssh-ed25519 AAAA',
  role: 'deployer',
  createdAt: ago(90_000),
}

/** A time that long ago, in seconds. */
export function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1000).toISOString()
}

export function testPanel(answers: Record<string, Answer> = {}) {
  const keys = new Map([[laptop.name, laptop]])
  const watchers = new Set<(topic: string) => void>()
  const asked: { name: string; actor: Actor }[] = []
  const world = { ...nothing, ...answers } as Record<string, Answer>
  const signIn = createSignIn({ panelPort: 9180, tunnel: '', publicly: () => null, redeemed: () => {} })
  const state = { redis: true }

  const value: Caller['value'] = async (name, args, context) => {
    asked.push({ name, actor: context.actor })
    const row = table.names.get(name)?.row as AnyCommand
    const answer = world[name]
    if (answer === undefined) throw new UserError('not-found', `There is no ${JSON.stringify(args)}.`, 'See them all.')
    const result = typeof answer === 'function' ? await answer(row.args.parse(args), context) : answer
    return row.result.parse(result)
  }
  const errors: string[] = []
  const panel = createPanel({
    caller: { value } as Caller,
    signIn,
    keys: { byName: async (name) => keys.get(name) ?? null },
    live: {
      available: () => state.redis,
      watch: (onWake) => {
        watchers.add(onWake)
        return () => watchers.delete(onWake)
      },
    },
    publicly: () => 'https://panel.example.com',
    secret: 'a secret of this test',
    log: { info() {}, warn() {}, error: (event, error) => errors.push(`${event}: ${error}`) },
  })

  const request = (path: string, init: RequestInit & { headers?: Record<string, string> } = {}) =>
    panel.fetch(
      new Request(`http://localhost:9180${path}`, { ...init, headers: { host: 'localhost:9180', ...init.headers } }),
    )

  const post = (path: string, fields: Record<string, string> = {}, headers: Record<string, string> = {}) =>
    request(path, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { origin: 'http://localhost:9180', ...headers },
    })

  const token = (actor: Partial<Actor> = {}) =>
    new URL(
      signIn.invite({ name: 'laptop', role: 'deployer', door: 'ssh', from: null, ...actor }).url,
    ).searchParams.get('token') ?? ''

  /** The cookie that a link leads to. */
  async function signedIn(actor: Partial<Actor> = {}): Promise<{ cookie: string }> {
    const answer = await post('/login', { token: token(actor) })
    return { cookie: (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '' }
  }

  return {
    ...{ panel, keys, watchers, asked, world, state, errors, request, post, token, signedIn },
    wake(topic: string) {
      for (const watcher of watchers) watcher(topic)
    },
    page: async (path: string) => (await request(path, { headers: await signedIn() })).text(),
  }
}

export type TestPanel = ReturnType<typeof testPanel>

const nothing = {
  'apps:list': [],
  'jobs:list': [],
  'certs:report': [],
  events: [],
  'devices:list': [],
  'server:version': {
    megapolos: '0.1.0',
    node: '26',
    engine: '20.10.24 (API 1.41)',
    store: 'sqlite',
    redis: 'answers',
  },
}
