/** The build stage: detect → plan → image, and never twice for the same tree and plan. */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { BuilderDriver, BuildRequest } from '../devices/classes/builder.ts'
import type { BuildState, Plan } from '../domain/build.ts'
import { defaultChecks, type Process } from '../domain/release.ts'
import type { Engine } from '../engine/engine.ts'
import { messageOf, UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'
import { step } from '../steps.ts'
import { type AppJson, parseAppJson } from './app-json.ts'
import { type BaseImages, type BasesConfig, createBases } from './bases.ts'
import type { BuildInput, BuildStage, Built } from './build.ts'
import { makePlan } from './detect.ts'

export interface BuildPorts {
  readonly builder: () => BuilderDriver
  readonly engine: Pick<Engine, 'image' | 'tag'>
  readonly store: Pick<Store, 'builds' | 'releases' | 'settings'>
  readonly basesConfig: BasesConfig
  readonly log: Log
  /** Milliseconds a build may take. */
  readonly timeLimit?: number
}

type Image = NonNullable<Awaited<ReturnType<Engine['image']>>>
type Parts = BuildPorts & { readonly bases: BaseImages; readonly hashKey: () => Promise<string> }

/** Part of every content key: raise it when the same plan is built in another way. */
const contract = 1
/** Long enough for a browser engine; what takes longer hangs, and holds up the app's next push. */
const defaultTimeLimit = 30 * 60_000
/** What a web process is told to listen on, unless its image says otherwise. */
const defaultPort = 5000

export function createBuildStage(ports: BuildPorts): BuildStage {
  const bases = createBases(ports.basesConfig, ports.builder, ports.engine)
  const parts = { ...ports, bases, hashKey: createHashKey(ports) }
  return {
    build: async (input) => {
      const { store, log } = ports
      await store.builds.start({ id: input.id, app: input.app.id, commit: input.commit, tree: input.tree })
      try {
        const built = await build(parts, input)
        await store.builds.end(input.id, 'succeeded', built.reused ? 'image found' : 'image built', built.reused)
        return built
      } catch (error) {
        await store.builds
          .end(input.id, endState(error), messageOf(error), false)
          // The pusher must hear of the build's error, not of this one; the row is closed at the next start.
          .catch((second) => log.error('build.end', second, { build: input.id }))
        throw error
      }
    },
  }
}

async function build(parts: Parts, input: BuildInput): Promise<Built> {
  const { emit } = input
  const appJson = await readAppJson(input)
  const configHash = await hashConfig(parts, input)
  const surroundings = { bases: parts.bases, configHash }
  const plan = await makePlan(parts.basesConfig.buildpacks, input.source, surroundings)
  for (const line of plan.summary) emit(`-----> ${line}`)
  for (const warning of plan.warnings) emit(`       Warning: ${warning}`)

  await Promise.all([parts.store.builds.setBuildpack(input.id, plan.buildpack), ensureBases(parts, plan, input)])
  const key = await contentKey(parts, plan, input, configHash)
  const found = await findImage(parts, input, key)
  if (found) emit('       Nothing to build: the image of this tree is there already')
  const image = found ?? (await makeImage(parts, plan, input, key))
  return {
    build: input.id,
    processes: processesOf(plan, image),
    hardened: plan.hardened,
    ...appJson,
    reused: found !== null,
  }
}

async function readAppJson(input: BuildInput): Promise<AppJson> {
  const text = await input.source.read('app.json')
  return text === null ? { checks: defaultChecks, formation: {}, addons: [] } : parseAppJson(text)
}

async function ensureBases(parts: Parts, plan: Plan, input: BuildInput): Promise<void> {
  for (const base of plan.bases) {
    const cancelled = Promise.withResolvers<never>()
    const stop = () => cancelled.reject(new UserError('cancelled', 'The build was cancelled.'))
    if (input.signal.aborted) stop()
    input.signal.addEventListener('abort', stop, { once: true })
    try {
      await Promise.race([cancelled.promise, parts.bases.ensure(base, (line) => input.emit(`       ${line}`))])
    } finally {
      input.signal.removeEventListener('abort', stop)
    }
  }
}

/** Everything that decides what the image will be. Config vars only count when a step sees them. */
async function contentKey(parts: Parts, plan: Plan, input: BuildInput, configHash: string): Promise<string> {
  const { dockerfile, files, ignore } = plan
  const from = [...new Set([...dockerfile.matchAll(/^FROM (megapolos\/\S+)/gm)].map((match) => match[1] as string))]
  const bases = await Promise.all(from.map(async (name) => (await parts.engine.image(name))?.id ?? null))
  const seen = plan.seesConfig ? configHash : null
  const content = JSON.stringify([contract, input.tree, dockerfile, files, ignore, bases, seen])
  return createHash('sha256').update(content).digest('hex')
}

/** The store remembers images, but only the engine knows whether somebody has pruned one. */
async function findImage(parts: Parts, input: BuildInput, key: string): Promise<Image | null> {
  const id = await parts.store.releases.imageFor(input.app.id, key)
  return id === null ? null : parts.engine.image(id)
}

async function makeImage(parts: Parts, plan: Plan, input: BuildInput, key: string): Promise<Image> {
  const { app, source, config, emit } = input
  const request: BuildRequest = {
    app: app.id,
    source: source.path,
    ...(await placeDockerfile(plan, input)),
    tag: `megapolos/app-${app.id}:${key.slice(0, 16)}`,
    labels: { 'megapolos.app': app.id, 'megapolos.system': parts.basesConfig.system },
    secrets: { mp_env: shellExports(config) },
  }
  const { image } = await step('builder', () =>
    inTime(parts, input.signal, (signal) => parts.builder().build(request, (line) => emit(`       ${line}`), signal)),
  )
  const [details] = await Promise.all([
    parts.engine.image(image),
    parts.store.releases.rememberImage(app.id, key, image),
  ])
  if (!details) throw new UserError('unavailable', 'The image was removed right after it was built.', 'Push again.')
  return details
}

async function inTime<T>(
  { timeLimit = defaultTimeLimit }: Parts,
  asked: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = AbortSignal.timeout(timeLimit)
  try {
    return await work(AbortSignal.any([asked, late]))
  } catch (error) {
    if (!late.aborted || asked.aborted) throw error
    throw new UserError(
      'refused',
      `The build was ended: it took longer than ${timeLimit / 60_000} minutes.`,
      'Its output says which step did not end.',
    )
  }
}

/** A user's Dockerfile is used where it is; a generated one goes to a folder that no app has. */
async function placeDockerfile(
  plan: Plan,
  { source }: BuildInput,
): Promise<Pick<BuildRequest, 'dockerfile' | 'files' | 'ignore'>> {
  const { files, ignore } = plan
  const own = await source.read('Dockerfile')
  if (own === null) {
    return {
      dockerfile: '.megapolos/Dockerfile',
      files: { ...files, '.megapolos/Dockerfile': plan.dockerfile },
      ignore,
    }
  }
  if (own === plan.dockerfile && ignore.length === 0) return { dockerfile: 'Dockerfile', files, ignore }
  // Added, it stays even when .dockerignore names it, and takes the place of the one that was pushed.
  return {
    dockerfile: 'Dockerfile',
    files: { ...files, Dockerfile: plan.dockerfile },
    ignore: [...ignore, 'Dockerfile'],
  }
}

function processesOf(plan: Plan, image: Image): Record<string, Process> {
  const exposed = plan.hardened || image.ports.length !== 1 ? undefined : image.ports[0]
  const entries = Object.entries(plan.processes).map(([type, line]): [string, Process] => [
    type,
    {
      image: image.id,
      command: line === null ? null : ['/bin/sh', '-c', line],
      port: type === 'web' ? (exposed ?? defaultPort) : null,
    },
  ])
  return Object.fromEntries(entries)
}

/** Keyed, because it can be read in the image's history: a plain hash of a short value could be guessed. */
async function hashConfig(parts: Parts, input: BuildInput): Promise<string> {
  const sorted = Object.entries(input.config).sort(([a], [b]) => (a < b ? -1 : 1))
  const key = await parts.hashKey()
  return createHmac('sha256', key)
    .update(JSON.stringify([input.app.id, sorted]))
    .digest('hex')
    .slice(0, 32)
}

/** Made once for ever, so it is asked for once. */
function createHashKey({ store }: BuildPorts): () => Promise<string> {
  const name = 'build.config-hash-key'
  let known: string | null = null
  return async () => {
    known ??= await store.settings.get(name)
    if (known) return known
    const made = randomBytes(32).toString('hex')
    await store.settings.set(name, made)
    known = made
    return made
  }
}

function shellExports(config: Readonly<Record<string, string>>): string {
  return Object.entries(config)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join('')
}

function endState(error: unknown): BuildState {
  return error instanceof UserError && error.code === 'cancelled' ? 'cancelled' : 'failed'
}
