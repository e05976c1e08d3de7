import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Container from 'dockerode/lib/container.js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Transport } from './transport.ts'

let folder: string
let socket: string
let engine: Server
const open = new Set<Socket>()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'megapolos-transport-'))
  socket = join(folder, 'engine.sock')
})
afterEach(async () => {
  for (const one of open) one.destroy()
  await new Promise((resolve) => engine.close(resolve))
  await rm(folder, { recursive: true })
})

/** What an engine says to whoever connects and asks. */
async function saying(answer: string): Promise<void> {
  engine = createServer((client) => {
    open.add(client)
    client.once('data', () => client.write(answer))
  })
  await new Promise<void>((resolve) => engine.listen(socket, resolve))
}

test('an engine that does not answer counts as away after the deadline', async () => {
  await saying('')
  const container = new Container(new Transport(socket, 50), 'one')
  await expect(container.inspect()).rejects.toMatchObject({ code: 'unavailable', detail: ['no answer in 50 ms'] })
})

test('a stream may begin as late as it wants', async () => {
  await saying('')
  const stream = new Container(new Transport(socket, 50), 'one').logs({ follow: true })
  const first = await Promise.race([stream, new Promise((resolve) => setTimeout(resolve, 200, 'waiting'))])
  expect(first).toBe('waiting')
  for (const one of open) one.destroy()
  await expect(stream).rejects.toMatchObject({ code: 'unavailable' })
})

test('a refusal has its status and the words of the engine', async () => {
  await saying('HTTP/1.1 409 Conflict\r\nContent-Length: 23\r\n\r\n{"message":"it is not"}')
  await expect(new Container(new Transport(socket, 1_000), 'one').start()).rejects.toMatchObject({
    status: 409,
    message: 'it is not',
  })
})
