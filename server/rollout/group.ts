/** Starts containers of a group and checks them: all of them come up, or none is left. */
import { type App, type Formation, scaleOf } from '../domain/app.ts'
import { type ObservedContainer, type Place, placeName } from '../domain/container.ts'
import { folderName, type Mount } from '../domain/group.ts'
import type { Release } from '../domain/release.ts'
import { containerSpec, observed } from '../engine/container-spec.ts'
import { told, UserError } from '../errors.ts'
import { internalHosts } from '../network/internal.ts'
import { addressIn, appNetwork, hostNumber, poolSize } from '../network/subnets.ts'
import { step } from '../steps.ts'
import type { Acting } from './acting.ts'
import { explain } from './explain.ts'
import { check } from './health.ts'
import { inParallel, together } from './lock.ts'
import type { RolloutParts } from './parts.ts'

export interface GroupInput {
  readonly app: App
  readonly release: Release
  readonly formation: Formation
  readonly places: readonly Place[]
}

/** Containers that are started at the same time; more only makes each of them slower. */
const parallel = 4

/**
 * Throws `refused` with the cause of the first that fails, and then nothing of it is left.
 * The started ones get no requests, checked or not, until they are admitted. `done` is called in order of places.
 */
export async function startGroup(
  acting: Pick<Acting, 'parts' | 'readiness'>,
  input: GroupInput,
  signal: AbortSignal,
  done: { started(place: Place): void; checked(place: Place): void },
): Promise<ObservedContainer[]> {
  const { parts } = acting
  if (input.places.length === 0) return []
  const failed = new AbortController()
  const both = AbortSignal.any([signal, failed.signal])
  const [made, host] = await together(prepare(parts, input, 'coming'), hostOf(parts, input.app))
  const created: { id: string }[] = []
  const starts = inParallel(parallel, made.places, (one) => {
    both.throwIfAborted()
    return startContainer(acting, made, one, false, (id) => created.push({ id }))
  })
  const checks = starts.map(async (starting) => {
    const container = await starting
    await checkContainer(parts, input, container, host, both)
  })
  try {
    await Promise.all([inOrder(starts, input.places, done.started), ...checks])
    for (const place of input.places) done.checked(place)
    return await Promise.all(starts)
  } catch (error) {
    failed.abort()
    await Promise.allSettled([...starts, ...checks])
    await discard(acting, input.app.id, created, made.hosts)
    throw signal.aborted ? cancelled() : error
  }
}

/** Starts containers of the group that serves, for a job that nobody asked for: none waits for them to be checked. */
export async function restoreGroup(acting: Pick<Acting, 'parts' | 'readiness'>, input: GroupInput): Promise<void> {
  const made = await prepare(acting.parts, input, 'serving')
  const starts = inParallel(parallel, made.places, (one) => startContainer(acting, made, one, true, () => {}))
  const outcomes = await Promise.allSettled(starts)
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') acting.readiness.fell(outcome.value.id)
    else acting.parts.log.error('rollout.not-restored', outcome.reason, { app: input.app.id })
  }
  if (outcomes.some(({ status }) => status === 'rejected')) throw new Error('not every container could be started')
}

/** Removes containers that never served, and frees their addresses. */
export async function discard(
  { parts, readiness }: Pick<Acting, 'parts' | 'readiness'>,
  app: string,
  containers: readonly { readonly id: string; readonly address?: string }[],
  hosts: readonly number[] = containers.map(({ address }) => hostNumber(address ?? '')),
): Promise<void> {
  try {
    await Promise.all(containers.map(({ id }) => parts.engine.remove(id)))
    if (hosts.length > 0) await parts.store.addresses.release(app, hosts)
    for (const { id } of containers) readiness.forget(id)
  } catch (error) {
    // They are of no group that serves, or too many of it: the next look at this app removes them.
    parts.log.error('rollout.not-discarded', error, { app })
  }
}

export function cancelled(): UserError {
  return new UserError('cancelled', 'Cancelled; nothing has changed.')
}

interface Prepared extends GroupInput {
  readonly network: string
  readonly environment: Readonly<Record<string, string>>
  readonly hosts: readonly number[]
  readonly places: readonly PreparedPlace[]
}

type PreparedPlace = Place & { readonly address: string; readonly mounts: readonly Mount[] }

/**
 * The network, what the containers are told, an address for each place and what it mounts; an address that a place has
 * already stays its own.
 */
async function prepare(parts: RolloutParts, input: GroupInput, which: 'coming' | 'serving'): Promise<Prepared> {
  const environment = await parts.environment(input.release, which)
  const [{ index, name }, [hosts, mounts]] = await together(
    ensureNetwork(parts, input.app),
    together(parts.store.addresses.assign(input.app.id, input.places), prepareFolders(parts, input.places)),
  )
  const places = input.places.map((place, n) => ({
    ...place,
    address: addressIn(parts.pool, index, hosts[n] ?? 0),
    mounts: mounts.get(folderName(place)) ?? [],
  }))
  return { ...input, environment, network: name, hosts, places }
}

/** One for each process type. */
async function prepareFolders(
  { groups }: RolloutParts,
  places: readonly Place[],
): Promise<ReadonlyMap<string, readonly Mount[]>> {
  const mounts = new Map<string, readonly Mount[]>()
  for (const [name, [place]] of Map.groupBy(places, folderName))
    if (place) mounts.set(name, await groups.prepare(place))
  return mounts
}

/** An app's network is made at its first start: hundreds that nobody uses would slow the machine down. */
export async function ensureNetwork(
  { engine, store, pool, system }: RolloutParts,
  app: App,
): Promise<{ readonly index: number; readonly name: string }> {
  const index = app.subnet ?? (await store.apps.assignSubnet(app.id, poolSize(pool)))
  const network = appNetwork(pool, system, app.id, index)
  await engine.ensureNetwork({ ...network, app: app.id })
  return { index, name: network.name }
}

/** Not restarted by the engine until it is checked: how it ended the first time says why it does not come up. */
async function startContainer(
  { parts: { engine, system, pool }, readiness }: Pick<Acting, 'parts' | 'readiness'>,
  { app, release, formation, environment, network }: Prepared,
  { address, mounts, ...place }: PreparedPlace,
  restart: boolean,
  onCreated: (id: string) => void,
): Promise<ObservedContainer> {
  const process = release.processes[place.process]
  if (!process) throw new Error(`v${release.version} has no process ${place.process}`)
  const spec = containerSpec({
    system,
    restart,
    appName: app.name,
    place,
    process,
    config: environment,
    commit: release.commit,
    hardened: release.hardened,
    network,
    hosts: internalHosts(release.links, pool),
    address,
    mounts,
    memory: scaleOf(formation, place.process).memory,
  })
  try {
    const id = await engine.create(spec)
    onCreated(id)
    readiness.hold(id)
    await engine.start(id)
    return observed(id, 'running', spec.labels)
  } catch (error) {
    const { code, message, detail } = told(error)
    if (code !== 'refused') throw error
    throw new UserError('refused', `${placeName(place)} could not be started. ${message}`, undefined, detail)
  }
}

async function checkContainer(
  { engine }: RolloutParts,
  { app, release }: GroupInput,
  container: ObservedContainer,
  host: string,
  signal: AbortSignal,
): Promise<void> {
  const { address, port, memory } = container
  const { checks } = release
  const watching = new AbortController()
  const ended = engine.wait(container.id, AbortSignal.any([signal, watching.signal]))
  try {
    const checked = () => check({ address, port, host, checks, ended, signal })
    const verdict = await step(`${placeName(container)} checked`, checked)
    if (verdict.healthy) return
    throw await explain(
      engine,
      { id: container.id, place: container, appName: app.name, port, memory, checks },
      verdict,
    )
  } finally {
    watching.abort()
    ended.catch(() => {})
  }
}

/** The name that an app is known by: some refuse requests for any other. */
export async function hostOf({ store }: Pick<RolloutParts, 'store'>, app: App): Promise<string> {
  const domains = await store.domains.ofApp(app.id)
  const named =
    domains.find(({ kind }) => kind === 'default') ??
    domains.find(({ host, kind }) => kind !== 'redirect' && !host.startsWith('*'))
  return named?.host ?? app.name
}

async function inOrder(
  steps: readonly Promise<unknown>[],
  places: readonly Place[],
  done: (place: Place) => void,
): Promise<void> {
  for (const [n, place] of places.entries()) {
    await steps[n]
    done(place)
  }
}
