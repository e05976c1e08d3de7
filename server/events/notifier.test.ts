import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { json } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Webhook } from '../domain/webhook.ts'
import { createLog } from '../log.ts'
import { createNotifier } from './notifier.ts'

let server: Server
let webhook: Webhook
let heard: unknown[]
/** What the receiver does next; the last one goes on for ever. */
let answers: (number | 'nothing')[]
let lines: string[]
/** Ends the time of the try that is under way. */
let late: () => void

beforeEach(async () => {
  ;[heard, answers, lines] = [[], [200], []]
  server = createServer(async (request: IncomingMessage, response) => {
    heard.push(await json(request))
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    if (typeof answer === 'number') response.writeHead(answer).end()
    else late()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => {
    const over = new AbortController()
    late = () => over.abort(new DOMException('', 'TimeoutError'))
    return over.signal
  })
  const { port } = server.address() as { port: number }
  webhook = { id: 1, url: `http://127.0.0.1:${port}/s3cret-path`, createdAt: '', createdBy: 'ann' }
})
afterEach(() => {
  vi.restoreAllMocks()
  server.closeAllConnections()
  server.close()
})

const news = { at: '2026-01-31T02:00:00Z', kind: 'job-ended', appName: null, job: 7, text: 'backup failed.' } as const

function notifier() {
  const store = { webhooks: { list: async () => [webhook] } as never }
  const log = createLog((line) => lines.push(line))
  return createNotifier({ store, system: 'home', log, pauses: [1, 1] })
}

test('bad news is posted as JSON', async () => {
  notifier().tell(news)
  await expect
    .poll(() => heard)
    .toEqual([{ text: 'home: backup failed.', system: 'home', at: news.at, kind: 'job-ended', app: null, job: 7 }])
})

test('a receiver that fails or hangs is tried again, and its address is in no log', async () => {
  answers = [503, 'nothing', 200]
  notifier().tell(news)
  await expect.poll(() => heard).toHaveLength(3)
  await expect.poll(() => lines).toHaveLength(2)
  expect(lines[0]).toContain('it answers 503')
  expect(lines[1]).toContain('it did not answer in time')
  expect(lines.join('\n')).not.toContain('s3cret')
})

test('one that never takes it is given up', async () => {
  answers = [500]
  notifier().tell(news)
  await expect.poll(() => lines).toHaveLength(3)
  expect(heard).toHaveLength(3)
})

test('a test says what is wrong', async () => {
  await notifier().test(webhook)
  answers = [404]
  await expect(notifier().test(webhook)).rejects.toThrow('Webhook 1 was not taken: it answers 404.')
  answers = [302]
  await expect(notifier().test(webhook)).rejects.toThrow('it answers 302')
  await expect(notifier().test({ ...webhook, url: 'http://127.0.0.1:1/' })).rejects.toThrow(/not taken: .+/)
})
