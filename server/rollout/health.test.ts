import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { check } from './health.ts'

test('a process that needs a moment is asked often at the beginning', async () => {
  let asked = 0
  const server = createServer((_, response) => response.writeHead(++asked > 8 ? 200 : 500).end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const began = performance.now()
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
  // Eight pauses of 10 ms, and what a busy machine adds.
  expect(performance.now() - began).toBeLessThan(600)
})
