/** Notices what happens in the operator's folder of drivers. An event only says that it is time to look. */
import { once } from 'node:events'
import type { Log } from '../log.ts'

/** Milliseconds between looks at the times of files; after an event, until nothing moves any more; and without any event. */
const interval = 500
const settling = 250
const always = 30_000

/** Calls `look` when something may have changed, until `signal` aborts. Resolves when it has begun. */
export async function hotPlug(folder: string, look: () => Promise<void>, signal: AbortSignal, log: Log): Promise<void> {
  // Loaded late: it is large, and the kernel is up sooner without it.
  const { default: chokidar } = await import('@nicolo-ribaudo/chokidar-2')
  let looking: Promise<void> | null = null
  let again = false
  let timer: NodeJS.Timeout | undefined

  const lookNow = () => {
    again = looking !== null
    if (looking) return
    looking = look()
      .catch((error) => log.error('drivers.not-scanned', error))
      .finally(() => {
        looking = null
        if (again && !signal.aborted) soon()
      })
  }
  const soon = () => {
    clearTimeout(timer)
    timer = setTimeout(lookNow, settling)
  }
  const watcher = chokidar.watch(folder, {
    ...{ usePolling: true, interval, binaryInterval: interval, depth: 8, ignoreInitial: true, followSymlinks: false },
    ignored: /(^|[/\\])\.[^/\\]*$/,
  })
  watcher.on('all', soon)
  // A folder that was taken away while it was read; the next look sees it.
  watcher.on('error', soon)
  const regularly = setInterval(lookNow, always)
  signal.addEventListener(
    'abort',
    () => {
      clearTimeout(timer)
      clearInterval(regularly)
      watcher.close()
    },
    { once: true },
  )
  await once(watcher, 'ready')
  // What came between the first scan and now was no event.
  await look()
}
