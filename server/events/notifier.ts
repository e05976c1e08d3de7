/** Posts bad news to the webhooks. Nobody waits for it, and nothing fails because of it. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Event } from '../domain/event.ts'
import type { Webhook } from '../domain/webhook.ts'
import { messageOf, UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'

export interface Notifier {
  tell(news: News): void
  /** Posts once, and throws `unavailable` when it was not taken. */
  test(webhook: Webhook): Promise<void>
  /** Gives up what waits. */
  close(): void
}

export type News = Pick<Event, 'at' | 'kind' | 'appName' | 'job' | 'text'>

export interface NotifierParts {
  readonly store: Pick<Store, 'webhooks'>
  /** Whose news these are. */
  readonly system: string
  readonly log: Log
  /** Milliseconds before each further try. */
  readonly pauses?: readonly number[]
}

/** Milliseconds of one try. */
const deadline = 5_000

export function createNotifier(parts: NotifierParts): Notifier {
  const { store, system, log, pauses = [1_000, 10_000, 60_000] } = parts
  const closing = new AbortController()

  async function post({ url }: Webhook, news: News): Promise<void> {
    const { at, kind, appName: app, job, text } = news
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: `${system}: ${text}`, system, at, kind, app, job }),
      redirect: 'manual',
      signal: AbortSignal.any([closing.signal, AbortSignal.timeout(deadline)]),
    })
    await answer.body?.cancel()
    if (!answer.ok) throw new Error(`it answers ${answer.status}`)
  }

  async function deliver(webhook: Webhook, news: News): Promise<void> {
    for (const wait of [0, ...pauses]) {
      await pause(wait, undefined, { signal: closing.signal, ref: false })
      try {
        return await post(webhook, news)
      } catch (error) {
        // Not the address: it is a secret.
        log.warn('webhook.not-taken', { webhook: webhook.id, cause: causeOf(error) })
      }
    }
  }

  async function tellAll(news: News): Promise<void> {
    const webhooks = await store.webhooks.list()
    await Promise.all(webhooks.map((webhook) => deliver(webhook, news).catch(() => {})))
  }

  return {
    tell(news) {
      tellAll(news).catch((error) => log.warn('webhooks.not-read', { cause: messageOf(error) }))
    },
    async test(webhook) {
      const text = 'This is a test: bad news would look like this.'
      const news = { at: new Date().toISOString(), kind: 'doctor', appName: null, job: null, text } as const
      await post(webhook, news).catch((error) => {
        throw new UserError('unavailable', `Webhook ${webhook.id} was not taken: ${causeOf(error)}.`)
      })
    },
    close: () => closing.abort(),
  }
}

/** fetch says “fetch failed”, and why in its cause. */
function causeOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'it did not answer in time'
  const { cause } = error as { cause?: unknown }
  return cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : messageOf(error)
}
