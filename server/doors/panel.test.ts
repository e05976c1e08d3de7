import { describe, expect, test } from 'vitest'
import { blog } from '../../test/panel-answers.ts'
import { laptop, testPanel } from '../../test/panel-world.ts'

describe('signing in', () => {
  test('without a cookie every page is the door, and no command is asked', async () => {
    const { request, asked } = testPanel(blog)
    for (const path of ['/', '/apps/blog', '/jobs', '/nowhere']) {
      const answer = await request(path)
      expect(answer.status).toBe(401)
      expect(await answer.text()).toContain('ssh megapolos login')
    }
    expect((await request('/events?path=/')).status).toBe(401)
    expect(asked).toEqual([])
  })

  test('opening a link does not use it up; the button does, once', async () => {
    const { request, post, token } = testPanel()
    const link = token()
    for (let opened = 0; opened < 3; opened++) {
      const answer = await request(`/login?token=${link}`)
      expect(await answer.text()).toContain(`value="${link}"`)
      expect(answer.headers.has('set-cookie')).toBe(false)
    }
    const answer = await post('/login', { token: link })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/'])
    expect(answer.headers.get('set-cookie')).toMatch(/^megapolos=.*; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/)
    const again = await post('/login', { token: link })
    expect([again.status, again.headers.has('set-cookie')]).toEqual([403, false])
    expect(await again.text()).toContain('used already')
  })

  test('the cookie opens pages, with the role that the key has now', async () => {
    const { request, signedIn, keys, asked } = testPanel(blog)
    const headers = await signedIn()
    keys.set('laptop', { ...laptop, role: 'viewer' })
    expect((await request('/', { headers })).status).toBe(200)
    expect(asked[0]?.actor).toEqual({ name: 'laptop', role: 'viewer', door: 'panel', from: null })
  })

  test('a key that is removed is signed out at once, and another of its name does not inherit', async () => {
    const { request, signedIn, keys } = testPanel()
    const headers = await signedIn()
    keys.delete('laptop')
    expect((await request('/', { headers })).status).toBe(401)
    keys.set('laptop', { ...laptop, fingerprint: 'SHA256:other' })
    expect((await request('/', { headers })).status).toBe(401)
  })

  test('root of the console needs no key', async () => {
    const { request, signedIn, asked } = testPanel()
    const headers = await signedIn({ name: 'root', role: 'admin', door: 'console' })
    expect((await request('/', { headers })).status).toBe(200)
    expect(asked[0]?.actor.role).toBe('admin')
  })

  test('a key that is called root is no more than its role', async () => {
    const { request, signedIn, keys, asked } = testPanel(blog)
    keys.set('root', { ...laptop, name: 'root', role: 'viewer' })
    const headers = await signedIn({ name: 'root', role: 'viewer', door: 'ssh' })
    expect((await request('/', { headers })).status).toBe(200)
    expect(asked[0]?.actor.role).toBe('viewer')
    keys.delete('root')
    expect((await request('/', { headers })).status).toBe(401)
  })

  test('a forged, changed or old cookie is none', async () => {
    const { request, signedIn, post } = testPanel()
    const { cookie } = await signedIn()
    const [head = '', tail = ''] = decodeURIComponent(cookie.slice('megapolos='.length)).split(/(?=\.[^.]*$)/)
    const forged = [
      `megapolos=${encodeURIComponent(head.replace('laptop', 'root') + tail)}`,
      `megapolos=${encodeURIComponent(`9${head}${tail}`)}`,
      `megapolos=${encodeURIComponent(head)}`,
      'megapolos=',
    ]
    for (const cookie of forged) expect((await request('/', { headers: { cookie } })).status).toBe(401)
    const out = await post('/logout', {}, { cookie })
    expect(out.headers.get('set-cookie')).toMatch(/^megapolos=; Max-Age=0/)
  })
})

describe('every request', () => {
  test.each([
    ['evil.example', 421],
    ['localhost.evil.example:9180', 421],
    ['10.0.0.7:9180', 421],
    ['blog.localhost', 421],
    ['127.0.0.1:9180', 401],
    ['[::1]:9180', 401],
    ['localhost:1234', 401],
    ['panel.localhost', 421],
  ])('by the name %s is answered %i', async (host, status) => {
    expect((await testPanel().request('/', { headers: { host } })).status).toBe(status)
  })

  test('by its public name is answered only when it came over TLS, and the cookie goes over nothing else', async () => {
    const { request, token } = testPanel()
    const host = 'panel.example.com'
    const secure = { host, 'x-forwarded-proto': 'https' }
    expect((await request('/', { headers: { host } })).status).toBe(421)
    expect((await request('/', { headers: { host, 'x-forwarded-proto': 'http' } })).status).toBe(421)
    expect((await request('/', { headers: { ...secure, host: 'other.example.com' } })).status).toBe(421)
    expect((await request('/', { headers: secure })).status).toBe(401)
    const sign = async (origin: string) => {
      const headers = { ...secure, origin, 'content-type': 'application/x-www-form-urlencoded' }
      return request('/login', { method: 'POST', headers, body: new URLSearchParams({ token: token() }).toString() })
    }
    expect((await sign('http://panel.example.com')).status).toBe(403)
    const answer = await sign('https://panel.example.com')
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([303, expect.stringContaining('; Secure; ')])
  })

  test('over TLS the cookie is one that no app beside the panel can set', async () => {
    const { request, post, token } = testPanel()
    const secure = { host: 'panel.example.com', 'x-forwarded-proto': 'https', origin: 'https://panel.example.com' }
    const answer = await post('/login', { token: token() }, secure)
    const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';')
    expect(cookie).toMatch(/^__Host-megapolos=/)
    const status = async (cookie: string) => (await request('/', { headers: { ...secure, cookie } })).status
    expect(await status(cookie)).toBe(200)
    expect(await status(cookie.replace('__Host-', ''))).toBe(401)
    const out = await post('/logout', {}, { ...secure, cookie })
    expect(out.headers.get('set-cookie')).toMatch(/^__Host-megapolos=; Max-Age=0.*; Secure/)
  })

  test.each(['http://evil.example', 'http://localhost:3000', 'https://localhost:9180', 'null', ''])(
    'that changes something from %j is refused, and the link stays good',
    async (origin) => {
      const { post, token } = testPanel()
      const link = token()
      expect((await post('/login', { token: link }, { origin })).status).toBe(403)
      expect((await post('/logout', {}, { origin })).status).toBe(403)
      expect((await post('/login', { token: link })).status).toBe(303)
    },
  )

  test('is answered with a policy that allows nothing inline, and is never stored', async () => {
    const { headers } = await testPanel().request('/')
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
    expect(headers.get('content-security-policy')).not.toContain('unsafe')
    expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual(['no-store', 'nosniff'])
  })

  test('files are served for good, and only those that are listed', async () => {
    const { page, request } = testPanel()
    const [style = ''] = (await page('/')).match(/\/assets\/style\.css\?v=[\w-]+/) ?? []
    const answer = await request(style)
    expect(answer.headers.get('content-type')).toContain('text/css')
    expect(answer.headers.get('cache-control')).toContain('immutable')
    expect((await answer.text()).length).toBeLessThan(14 * 1024)
    for (const path of ['/assets/package.json', '/assets/..%2fpanel.ts', '/assets/__proto__'])
      expect((await request(path)).status).toBe(404)
  })
})
