import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { isHeldEverywhere } from './listeners.ts'

test.each([
  ['0.0.0.0', true],
  ['::', true],
  ['127.0.0.1', false],
])('who listens on %s holds its port everywhere: %s', async (address, held) => {
  const server = createServer().listen(0, address)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  expect(isHeldEverywhere(port)).toBe(held)
  server.close()
  await once(server, 'close')
  expect(isHeldEverywhere(port)).toBe(false)
})
