/** Requests of the panel: sign in, pages, their live updates, files. */
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Ask } from '../../views/answers.ts'
import { door, layout, type Shell } from '../../views/layout.ts'
import { confirmLogin, login } from '../../views/login.ts'
import type { Page } from '../../views/page.ts'
import { draw } from '../../views/pages.ts'
import { problem, problemText } from '../../views/problem.ts'
import type { Actor } from '../domain/access.ts'
import { codes, told } from '../errors.ts'
import { streamUpdates } from './panel-events.ts'
import { loadFiles } from './panel-files.ts'
import { createGuard } from './panel-guard.ts'
import type { PanelPorts } from './panel-ports.ts'
import { createSessions } from './panel-session.ts'

export async function createApp(ports: PanelPorts & { readonly secret: string }): Promise<Hono> {
  const { caller, log } = ports
  const files = await loadFiles()
  const sessions = createSessions(ports)
  const app = new Hono()

  app.use(createGuard(ports.publicly))
  app.get('/assets/:name', (c) => files.serve(c))

  app.get('/login', async (c) => {
    const token = c.req.query('token')
    if (token) return c.html(door('Sign in', confirmLogin(host(c), token), files.address))
    return (await sessions.actor(c)) ? c.redirect('/', 303) : c.html(door('Sign in', login(host(c)), files.address))
  })
  app.post('/login', bodyLimit({ maxSize: 4096 }), async (c) => {
    const { token } = await c.req.parseBody()
    if (await sessions.begin(c, String(token))) return c.redirect('/', 303)
    const notice = 'This link was used already, or is older than five minutes. Ask for another.'
    return c.html(door('Sign in', login(host(c), notice), files.address), 403)
  })
  app.post('/logout', (c) => {
    sessions.end(c)
    return c.redirect('/login', 303)
  })

  app.get('/events', async (c) => {
    const actor = await sessions.actor(c)
    if (!actor) return c.text('Signed out', 401)
    const path = c.req.query('path') ?? '/'
    return streamUpdates(c, {
      ...ports,
      present: async (signal) => {
        const now = await sessions.actor(c)
        return now && show(c, path, now, signal)
      },
      context: (signal, emit) => contextOf(actor, signal, emit),
    })
  })

  app.get('*', async (c) => {
    const actor = await sessions.actor(c)
    if (!actor) return c.html(door('Sign in', login(host(c)), files.address), 401)
    const { page, shell, status } = await show(c, c.req.path, actor, c.req.raw.signal)
    return c.html(layout(page, shell), status)
  })
  app.notFound((c) => c.text('Not found', 404))
  app.onError((error, c) => {
    const failure = told(error)
    if (failure.code === 'internal') log.error('panel failed', error, { path: c.req.path })
    return c.html(door('Not now', problemText(failure), files.address), codes[failure.code].status)
  })
  return app

  /** The page of this path as it is now; one that cannot be drawn is replaced by what is wrong with it. */
  async function show(c: Context, path: string, actor: Actor, signal: AbortSignal) {
    const context = contextOf(actor, signal, () => {})
    const ask = ((name, args = {}) => caller.value(name, args, context)) as Ask
    const [drawn, apps, active] = await Promise.all([
      draw(path, ask, { host: host(c) }).then(
        (page) => ({ page, status: 200 as const }),
        (error) => failed(error, path),
      ),
      ask('apps:list').catch(() => []),
      ask('jobs:list', { active: true, num: 100 }).catch(() => []),
    ])
    const shell: Shell = {
      ...{ user: actor.name, role: actor.role, host: host(c), path, asset: files.address },
      ...{ apps: apps.length, jobs: active.length },
    }
    return { ...drawn, shell }
  }

  function failed(error: unknown, path: string): { page: Page; status: (typeof codes)[keyof typeof codes]['status'] } {
    const failure = told(error)
    if (failure.code === 'internal') log.error('page failed', error, { path })
    return { page: problem(failure), status: codes[failure.code].status }
  }
}

function contextOf(actor: Actor, signal: AbortSignal, emit: (line: string) => void) {
  return { actor, emit, input: '', tty: false, signal }
}

function host(c: Context): string {
  return c.req.header('host') ?? 'localhost'
}
