/** The engine's events, without a gap: a cut connection is resumed from the last event that was seen. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from './client.ts'
import type { EngineEvent } from './engine.ts'

export function followEvents(client: Client, system: string, signal: AbortSignal): AsyncIterable<EngineEvent> {
  // Now, and not when the reader begins to read: what happens while it looks at everything else is not lost.
  return follow(client, system, signal, Date.now() / 1000)
}

async function* follow(
  client: Client,
  system: string,
  signal: AbortSignal,
  begin: number,
): AsyncGenerator<EngineEvent> {
  const seen = new Seen()
  let since = begin
  let connected = true
  let pause = shortestPause
  while (!signal.aborted) {
    try {
      const stream = await client.events({ since: since.toFixed(9), filters: filters(system) }, signal)
      if (!connected) yield { kind: 'reconnected' }
      connected = true
      pause = shortestPause
      for await (const event of messages(stream)) {
        if (seen.before(event)) continue
        since = event.timeNano / 1e9 - overlap
        const known = understood(event)
        if (known) yield known
      }
    } catch {
      // Whatever ended the stream, the answer is the same: connect again.
    }
    if (signal.aborted) return
    if (connected) yield { kind: 'disconnected' }
    connected = false
    await delay(pause, undefined, { signal }).catch(() => {})
    pause = Math.min(pause * 2, longestPause)
  }
}

const shortestPause = 100
const longestPause = 2_000
/** Seconds. `timeNano` is more than a double holds, so a resumed stream overlaps a little; `Seen` drops what came twice. */
const overlap = 0.001

interface Message {
  readonly Action: string
  readonly timeNano: number
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string | undefined>> }
}

function filters(system: string): object {
  return { type: ['container'], event: ['start', 'die', 'destroy'], label: [`megapolos.system=${system}`] }
}

const kinds = { start: 'started', die: 'died', destroy: 'removed' } as const

function understood(event: Message): EngineEvent | null {
  const kind = kinds[event.Action as keyof typeof kinds]
  const { exitCode, ...labels } = event.Actor.Attributes
  // Devices are no business of those who look after apps.
  const isOfApp = labels['megapolos.group'] && !labels['megapolos.device'] && !labels['megapolos.one-off']
  if (!kind || !isOfApp) return null
  return {
    kind,
    id: event.Actor.ID,
    app: labels['megapolos.app'] ?? '',
    ...(exitCode !== undefined && { exitCode: Number(exitCode) }),
  }
}

/** Remembers the last events, to know the ones that a resumed stream repeats. */
class Seen {
  #keys = new Set<string>()
  before(event: Message): boolean {
    const key = `${event.timeNano} ${event.Action} ${event.Actor.ID}`
    if (this.#keys.has(key)) return true
    this.#keys.add(key)
    if (this.#keys.size > 256) this.#keys.delete(this.#keys.values().next().value as string)
    return false
  }
}

async function* messages(stream: NodeJS.ReadableStream): AsyncGenerator<Message> {
  let rest = ''
  stream.setEncoding('utf8')
  for await (const chunk of stream) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim()) yield JSON.parse(line)
  }
}
