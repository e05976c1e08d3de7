/** Apps ask each other at an address of their own: who may is in the table, and nobody comes in by another way. */
import { strict as assert } from 'node:assert'
import type { InternalHost } from '../../server/domain/route.ts'
import { type Ask, ask, openSocket } from './proxy-apps.ts'
import type { ProxyPromises, ProxyUnderTest } from './proxy-under-test.ts'
import { inProxy, type ProxyWorld } from './proxy-world.ts'

const name = 'blog.internal'

export const internalPromises: ProxyPromises = {
  'an app that others may ask by name answers those, 403 to others, and is not there for the public': (it) =>
    internal(it, async ({ app, get, within, serve, port }) => {
      const { target } = await app('one')
      await serve({ targets: [target], from: ['10.0.0.0/8', '127.0.0.0/24'] })
      assert.equal((await within({})).body, 'one')
      assert.equal((await get(name)).status, 404)
      assert.equal((await ask(port, 'public.test', {})).body, 'public')
      assert.equal((await within({}, 'public.test')).status, 403)
      assert.equal((await within({}, 'other.internal')).status, 403)
      await serve({ targets: [target], from: ['10.0.0.0/8'] })
      assert.equal((await within({})).status, 403)
      await serve({ targets: [target], from: [] })
      assert.equal((await within({})).status, 403)
    }),

  'between apps: the same counts, holds, WebSockets, limits and maintenance as for the public': (it) =>
    internal(it, async ({ app, within, serve, internalPort, counts, nothingInFlight }) => {
      const one = await app('one')
      const from = ['127.0.0.1']
      await serve({ targets: [], held: true, from })
      const held = within({ path: '/wait' })
      await serve({ targets: [one.target], from })
      await counts(one, 1)
      await one.release()
      assert.equal((await held).body, 'one')
      const socket = await openSocket(internalPort, name)
      assert.equal(await socket.echo('hello'), 'hello')
      await counts(one, 1)
      socket.close()
      await nothingInFlight(one.target)
      await serve({ targets: [one.target], from, largestBody: 3 })
      assert.equal((await within({ method: 'POST', body: Buffer.from('four') })).status, 413)
      await serve({ targets: [one.target], from, maintenance: 'standard' })
      assert.equal((await within({})).status, 503)
      await serve({ targets: [], from })
      assert.equal((await within({})).status, 503)
    }),

  'an app is told which app asks, and nobody makes that up from inside': (it) =>
    internal(it, async ({ app, within, serve }) => {
      const { target } = await app('one')
      await serve({ targets: [target], from: ['127.0.0.1'] }, ['127.0.0.0/8'])
      const headers = { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-proto': 'https' }
      const told = JSON.parse((await within({ path: '/headers', headers })).body)
      const wanted = { host: name, 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' }
      assert.partialDeepStrictEqual(told, wanted)
    }),

  'a network that is none refuses the table, naming the host': (it) =>
    internal(it, async ({ serve }) => {
      const refused = serve({ targets: [], from: ['10.0.0.0/99'] })
      await assert.rejects(refused, (error: { code: string; detail: string[] }) => {
        assert.equal(error.code, 'refused')
        assert.match(error.detail.join(), /blog\.internal/)
        return true
      })
    }),
}

interface Internal extends ProxyWorld {
  /** Asks as an app would, at 127.0.0.1. */
  within(more: Ask, host?: string): ReturnType<typeof ask>
  /** `blog.internal` is this; `public.test` is for everybody else. */
  serve(host: Omit<InternalHost, 'app'>, trusted?: readonly string[]): Promise<string>
}

function internal(it: ProxyUnderTest, play: (world: Internal) => Promise<void>): Promise<void> {
  return inProxy(it, async (world) => {
    const hosts = { 'public.test': { app: 'p', targets: [(await world.app('public')).target] } }
    await play({
      ...world,
      within: (more, host = name) => ask(world.internalPort, host, more),
      serve: (host, trusted = []) =>
        world.driver.apply({ hosts, internal: { [name]: { app: 'a', ...host } }, trusted }),
    })
  })
}
