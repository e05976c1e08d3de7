/** Live updates of one open page: a stream of fragments, from the same functions that drew it. */
import type { Context as Request } from 'hono'
import { type SSEStreamingApi, streamSSE } from 'hono/streaming'
import type { Html } from '../../views/html.ts'
import { menu, pulse, type Shell } from '../../views/layout.ts'
import { concerns, type Lines, type Page } from '../../views/page.ts'
import { partial, update } from '../../views/update.ts'
import type { Caller } from '../commands/call.ts'
import type { Context } from '../commands/command.ts'
import type { Live } from '../live/live.ts'
import type { Log } from '../log.ts'
import { createBell } from './panel-bell.ts'

/** Milliseconds: what changes in quick succession is drawn once; and without any change a page is renewed this often. */
const together = 200
const renewal = 10_000

interface Ports {
  readonly caller: Caller
  readonly live: Pick<Live, 'watch' | 'available'>
  readonly log: Log
  /** The page as it is now, or null when its reader is signed out. */
  present(signal: AbortSignal): Promise<{ page: Page; shell: Shell } | null>
  context(signal: AbortSignal, emit: (line: string) => void): Context
}

export function streamUpdates(request: Request, ports: Ports): Response {
  // A proxy in between must not hold them back.
  request.header('x-accel-buffering', 'no')
  return streamSSE(request, (stream) => run(stream, ports).catch((error) => ports.log.error('panel stream', error)))
}

async function run(stream: SSEStreamingApi, ports: Ports): Promise<void> {
  const gone = new AbortController()
  const bell = createBell(together, renewal)
  stream.onAbort(() => {
    gone.abort()
    bell.ring()
  })
  let shown: Page | null = null
  let shownMenu = ''
  let lines: ReturnType<typeof follow> | null = null
  const unwatch = ports.live.watch((topic) => {
    if (!shown || concerns(shown, topic)) bell.ring()
  })
  try {
    while (!gone.signal.aborted) {
      const now = await ports.present(gone.signal)
      if (!now) return await send(stream, [partial('#pulse', 'outerMorph', pulse('warn', 'Signed out'))])
      const { page, shell } = now
      const entries = menu(page.menu, shell)
      await send(stream, [
        ...update(shown, page),
        ...(`${entries}` === shownMenu ? [] : [partial('#entries', 'outerMorph', entries)]),
        partial('#pulse', 'outerMorph', state(ports.live.available())),
      ])
      ;[shown, shownMenu] = [page, `${entries}`]
      if (page.lines?.follow && !lines) lines = follow(page.lines, ports, gone.signal, bell.hurry)
      do {
        if (lines) await send(stream, lines.take())
      } while ((await bell.next()) === 'hurried' && !gone.signal.aborted)
    }
  } finally {
    gone.abort()
    unwatch()
  }
}

function state(available: boolean): Html {
  return available ? pulse('ok', 'Live') : pulse('warn', 'Live updates pause')
}

async function send(stream: SSEStreamingApi, fragments: readonly Html[]): Promise<void> {
  if (fragments.length > 0) await stream.writeSSE({ data: fragments.join('\n') })
}

/** Reads on what is printed. The first batch replaces what the page had, so that no line is missing and none is twice. */
function follow(lines: Lines, { caller, context, log }: Ports, signal: AbortSignal, onLine: () => void) {
  const { follow, keep, line } = lines
  let waiting: string[] = []
  let swap: 'innerHTML' | 'beforeend' = 'innerHTML'
  const emit = (text: string) => {
    waiting.push(text)
    // Whoever reads slower than a program prints sees the newest lines.
    if (waiting.length > 2 * keep) waiting = waiting.slice(-keep)
    onLine()
  }
  if (follow)
    caller.value(follow.command, follow.args, context(signal, emit)).catch((error) => {
      if (!signal.aborted) log.warn('panel lines ended', { command: follow.command, reason: String(error) })
    })
  return {
    take(): Html[] {
      if (waiting.length === 0) return []
      const batch = partial('#lines', swap, waiting.slice(-keep).map(line))
      waiting = []
      swap = 'beforeend'
      return [batch]
    },
  }
}
