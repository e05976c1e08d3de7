import { expect, test } from 'vitest'
import { appInfo, appSummary, blog, job, logLine, refused, running } from '../test/panel-answers.ts'
import { ago, testPanel } from '../test/panel-world.ts'

const paths = [
  ...['/', '/apps/blog', '/apps/blog/releases', '/apps/blog/releases/v2', '/apps/blog/builds'],
  ...['/apps/blog/builds/61', '/devices', '/jobs', '/jobs/61'],
]

test.each(paths)('%s is whole markup without anything inline', async (path) => {
  const { page, errors } = testPanel(blog)
  const text = await page(path)
  expect(errors).toEqual([])
  expect(text).not.toMatch(/ style=|<style|<script>| on\w+=|javascript:|\[object|undefined|NaN|>null|>false/)
  expect(unbalanced(text)).toEqual([])
  const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
  expect(new Set(ids).size).toBe(ids.length)
})

test('without apps, home tells the three steps', async () => {
  const text = await testPanel().page('/')
  expect(text).toContain('git remote add megapolos megapolos:blog')
  expect(text).toContain('Waiting for the first push')
})

test('with 200 apps, each has its row, and those that fail come first', async () => {
  const list = Array.from({ length: 200 }, (_, at) => appSummary(`app-${at + 1}`, at === 150 ? 'degraded' : 'running'))
  const text = await testPanel({ 'apps:list': list }).page('/')
  const rows = [...text.matchAll(/<tr id="app-([^"]+)"/g)].map(([, name]) => name)
  expect([rows.length, rows[0]]).toEqual([200, 'app-151'])
  expect(text).toContain('199 of 200 apps run, 1 degraded. 1 thing needs you.')
  expect(text).toContain('1 of 2 web processes run.')
})

test('home tells what happened lately, the newest first, without what only began', async () => {
  const text = await testPanel(blog).page('/')
  expect(text).toMatch(
    /Redis answers again[\s\S]*web\.1 of blog crashed[\s\S]*<b>blog<\/b>: <a href="\/jobs\/61">push by laptop is done/,
  )
  expect(text).not.toContain('began')
})

test('home asks a handful of commands, however many apps there are', async () => {
  const { page, asked } = testPanel({ 'apps:list': Array.from({ length: 200 }, (_, at) => appSummary(`app-${at}`)) })
  await page('/')
  expect(asked.length).toBeLessThan(8)
})

test('a refused push stays in sight until one is live: on home, and on its app', async () => {
  const jobs = [job(64, { kind: 'scale' }), job(63, refused), job(62)]
  const shown = testPanel({ ...blog, 'jobs:list': ({ active }: { active: boolean }) => (active ? [] : jobs) })
  for (const path of ['/', '/apps/blog']) {
    const text = await shown.page(path)
    expect(text).toContain('its PORT is 5000')
    expect(text).toContain('v3 serves as before')
  }
  jobs.unshift(job(65))
  for (const path of ['/', '/apps/blog']) expect(await shown.page(path)).not.toContain('its PORT is 5000')
})

test('home says it when Docker or Redis does not answer', async () => {
  const version = {
    megapolos: '0',
    node: '26',
    engine: 'Docker does not answer at /x.',
    store: 'sqlite',
    redis: 'no',
  }
  const text = await testPanel({ ...blog, 'server:version': version }).page('/')
  expect(text).toContain('Docker does not answer at /x.')
  expect(text).toContain('Redis does not answer')
})

test('names, messages and lines of others are text, whatever is in them', async () => {
  const evil = `"><script>alert(1)</script><hx-partial hx-target="#live">'&`
  const shown = testPanel({
    ...blog,
    'apps:list': [appSummary(evil)],
    'apps:info': appInfo(evil, { description: evil, domains: [evil], url: `http://${evil}/`, branch: evil }),
    'certs:report': [{ ...nameOf(evil), failure: { domain: evil, problem: evil, found: [], nextTry: evil } }],
    'jobs:list': [job(1, { ...refused, app: evil, actor: evil, result: evil })],
    'jobs:info': { ...job(1, { actor: evil, operations: [evil], result: evil }), output: [evil], steps: [] },
    logs: [logLine(evil, evil), logLine('\x1b[31mred\x1b[0m \x07\x00done')],
  })
  for (const path of [...paths, `/apps/${evil}`, `/${evil}`]) {
    const text = await shown.page(path)
    expect(text).not.toMatch(/<script>|<hx-/i)
    expect(unbalanced(text)).toEqual([])
  }
  expect(await shown.page('/apps/blog')).toContain('<span>red done</span>')
})

test('an app links to its domains and paths, and says that it is in maintenance and how to end that', async () => {
  const shown = (more: object) => testPanel({ ...blog, 'apps:info': appInfo('blog', more) }).page('/apps/blog')
  expect(await shown({})).toContain('<a href="http://example.com/blog/">example.com/blog</a>')
  expect(await shown({})).toContain('<a href="https://blog.example.com/">')
  expect(await shown({})).not.toContain('maintenance:off')
  expect(await shown({ maintenance: true })).toMatch(/Maintenance[\s\S]*ssh megapolos maintenance:off blog/)
})

test('a name whose certificate failed or ended is told of with why, and one that is served needs no words', async () => {
  const failure = { domain: 'a.org', problem: 'It leads nowhere.', found: [], nextTry: '2026-01-01T00:00:00Z' }
  const name = (state: string, more: object = {}) => ({ ...nameOf('a.org'), state, ...more })
  const shown = (one: object) => testPanel({ ...blog, 'certs:report': [one] }).page('/apps/blog')
  expect(await shown(name('served'))).not.toContain('a.org')
  expect(await shown(name('failed', { failure }))).toMatch(/No HTTPS yet<.*a\.org: It leads nowhere\./)
  expect(await shown(name('served', { failure }))).toMatch(/Not renewed<.*a\.org: It leads nowhere\./)
  expect(await shown(name('expired', { expires: '2026-01-01T00:00:00Z', failure }))).toMatch(
    /Certificate ended<.*a\.org/,
  )
})

test('what a command refuses is shown as its sentence, with its status', async () => {
  const { request, signedIn } = testPanel()
  const headers = await signedIn()
  for (const path of ['/apps/nope', '/apps/nope/releases', '/jobs/9', '/nowhere', '/apps/a/b/c']) {
    const answer = await request(path, { headers })
    expect(answer.status).toBe(404)
    const text = await answer.text()
    expect(text).toContain('There is no ')
    expect(text).toContain('class="foot"')
  }
})

test('a failure that nobody foresaw is told without its message', async () => {
  const broken = testPanel({
    ...blog,
    'apps:info': () => {
      throw new Error('the password is hunter2')
    },
  })
  const answer = await broken.request('/apps/blog', { headers: await broken.signedIn() })
  expect([answer.status, (await answer.text()).includes('hunter2')]).toEqual([500, false])
  expect(broken.errors[0]).toContain('hunter2')
})

test('a running build says how to cancel it', async () => {
  const text = await testPanel({ ...blog, 'jobs:info': { ...job(61, running), output: [], steps: [] } }).page(
    '/apps/blog/builds/61',
  )
  expect(text).toContain('ssh megapolos builds:cancel blog')
})

test('times are said in words, with the exact one beside them', async () => {
  const at = ago(7300)
  const text = await testPanel({ ...blog, 'apps:info': appInfo('blog', { releasedAt: at }) }).page('/apps/blog')
  expect(text).toContain(`<time datetime="${at}" title="${at.slice(0, 10)} ${at.slice(11, 19)} UTC">2 h ago</time>`)
})

/** Tags that are opened and not closed, or the other way round. */
function unbalanced(text: string): string[] {
  const open: string[] = []
  const wrong: string[] = []
  for (const [, close, tag = ''] of text.matchAll(/<(\/?)([a-z][a-z0-9-]*)[^>]*>/g)) {
    if (['meta', 'link', 'input', 'br'].includes(tag)) continue
    if (!close) open.push(tag)
    else if (open.at(-1) === tag) open.pop()
    else wrong.push(`</${tag}> after <${open.at(-1)}>`)
  }
  return [...wrong, ...open]
}

/** How HTTPS is at a name that got none, as `certs:report` says it. */
function nameOf(domain: string) {
  const nothing = { source: null, issuer: null, expires: null, renews: null, failure: null }
  return { domain, app: 'blog', state: 'failed', ...nothing }
}
