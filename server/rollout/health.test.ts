import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { check, pauseAfter } from './health.ts'

test('a process that needs a moment is asked until it answers', async () => {
  let asked = 0
  const server = createServer((_, response) => response.writeHead(++asked > 8 ? 200 : 500).end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const verdict = await check({
    address: '127.0.0.1',
    port,
    host: 'a.test',
    checks: { path: null, timeout: 10 },
    ended: new Promise(() => {}),
    signal: new AbortController().signal,
  })
  server.close()
  expect(verdict).toEqual({ healthy: true })
  expect(asked).toBe(9)
})

test('pauses are short at the beginning, and a twentieth of what was waited later on', () => {
  expect([0, 80, 200, 2_000, 60_000].map(pauseAfter)).toEqual([5, 5, 10, 100, 500])
})
