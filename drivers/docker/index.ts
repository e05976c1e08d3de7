/** Builds images with the BuildKit inside the Docker Engine, over the engine's socket: no CLI, no plugin, no registry. */
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { BuilderDriver, BuildRequest } from '../../server/devices/classes/builder.ts'
import type { HostBasics } from '../../server/devices/driver.ts'
import { messageOf, UserError } from '../../server/errors.ts'
import { noteStep } from '../../server/steps.ts'
import { boundBuilds } from './bounds.ts'
import { Progress } from './progress.ts'
import { openSession } from './session.ts'
import { readTrace, type Trace } from './trace.ts'
import { openTree } from './tree.ts'

export function createDriver(host: HostBasics): BuilderDriver {
  const socket = host.engineSocket
  if (!socket) throw new Error('the docker builder needs the privilege engine')
  return { build: (build, log, signal) => run(socket, build, log, signal) }
}

async function run(
  socketPath: string,
  build: BuildRequest,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<{ image: string }> {
  stopIfAborted(signal)
  await using tree = await openTree(build)
  const session = await openSession(socketPath, build.secrets, tree).catch((error) => {
    throw unavailable(socketPath, error)
  })
  const post = request({ socketPath, path: `/build?${query(build, session.id)}`, method: 'POST' })
  // Both must go: the engine kills a running step only when request and session are cut.
  const cancel = () => {
    post.destroy()
    session.close()
  }
  signal.addEventListener('abort', cancel, { once: true })
  using _bounds = await boundBuilds()
  try {
    stopIfAborted(signal)
    const response = await send(post)
    if (response.statusCode !== 200)
      throw new UserError('refused', `The build was not started: ${await errorOf(response)}.`)
    return { image: await follow(response, new Progress(log)) }
  } catch (error) {
    stopIfAborted(signal)
    throw error instanceof UserError ? error : unavailable(socketPath, error)
  } finally {
    signal.removeEventListener('abort', cancel)
    cancel()
  }
}

function query(build: BuildRequest, session: string): URLSearchParams {
  return new URLSearchParams({
    version: '2',
    session,
    // Not from this request: the engine asks the session for it.
    remote: 'client-session',
    dockerfile: build.dockerfile,
    t: build.tag,
    labels: JSON.stringify(build.labels),
    // Stands before the id of every cache mount, whatever the Dockerfile calls it.
    buildargs: JSON.stringify({ BUILDKIT_CACHE_MOUNT_NS: build.app }),
  })
}

function send(post: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  post.once('response', resolve)
  post.on('error', reject)
  post.end()
  return promise
}

/** Reads the engine's events. A status of 200 says nothing yet: a failed build is an event too. */
async function follow(response: IncomingMessage, progress: Progress): Promise<string> {
  let image: string | null = null
  const account = stepAccount()
  for await (const event of events(response)) {
    if (event.error) throw progress.failure(event.error)
    if (event.id === 'moby.buildkit.trace') {
      const trace = readTrace(Buffer.from(String(event.aux), 'base64'))
      progress.take(trace)
      account(trace)
    }
    if (event.id === 'moby.image.id') image = (event.aux as { ID: string }).ID
  }
  if (!image) throw new Error('the engine ended the build without a result')
  return image
}

/** The engine's own clock says what each of its steps took; it reports one more than once. */
function stepAccount(): (trace: Trace) => void {
  const noted = new Set<string>()
  return ({ vertexes }) => {
    for (const { digest, name, started, completed } of vertexes) {
      if (started === null || completed === null || noted.has(digest)) continue
      noted.add(digest)
      noteStep(`buildkit: ${name}`, started, completed)
    }
  }
}

interface Event {
  readonly id?: string
  readonly aux?: unknown
  readonly error?: string
}

async function* events(response: IncomingMessage): AsyncGenerator<Event> {
  response.setEncoding('utf8')
  let rest = ''
  for await (const chunk of response) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim()) yield JSON.parse(line) as Event
  }
}

async function errorOf(response: IncomingMessage): Promise<string> {
  const text = Buffer.concat(await response.toArray()).toString()
  try {
    return (JSON.parse(text) as { message: string }).message
  } catch {
    return text.trim() || `HTTP ${response.statusCode}`
  }
}

function stopIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new UserError('cancelled', 'The build was cancelled.')
}

function unavailable(socketPath: string, error: unknown): UserError {
  return new UserError(
    'unavailable',
    `Docker does not build: ${messageOf(error)}.`,
    `Is the engine at ${socketPath} running?`,
  )
}
