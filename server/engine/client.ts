/** The Engine API through dockerode's classes, all but its main one: that loads gRPC, so what only it can do is called here. */
import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { DialOptions } from 'docker-modem'
import type Docker from 'dockerode'
import Container from 'dockerode/lib/container.js'
import Image from 'dockerode/lib/image.js'
import Network from 'dockerode/lib/network.js'
import { EngineError, Transport } from './transport.ts'

/** Every call throws `EngineError` for an answer that says no, and the `unavailable` error when there is none. */
export interface Client {
  /** `deadline`: milliseconds until a call counts as unanswered. */
  container(id: string, deadline?: number): Docker.Container
  network(name: string): Docker.Network
  image(reference: string): Docker.Image

  version(): Promise<Docker.DockerVersion>
  info(): Promise<Info>
  createContainer(name: string, options: object): Promise<{ readonly Id: string }>
  listContainers(labels: readonly string[]): Promise<Docker.ContainerInfo[]>
  createNetwork(options: Docker.NetworkCreateOptions): Promise<void>
  listNetworks(labels: readonly string[]): Promise<readonly { readonly Name: string; readonly Labels: Labels | null }[]>
  listImages(labels: readonly string[]): Promise<ImageSummary[]>
  /** Everything that it stores, with sizes; a second or more. */
  diskUsage(): Promise<DiskUsage>
  pruneBuilds(query: object): Promise<{ readonly SpaceReclaimed?: number }>
  events(query: object, signal: AbortSignal): Promise<IncomingMessage>
  /** The answer to `wait`, which comes when the container has ended. */
  wait(id: string, signal?: AbortSignal): Promise<IncomingMessage>
}

/** Of what the engine says about itself, what is asked here; older ones leave out options. */
export interface Info {
  readonly DockerRootDir: string
  readonly LiveRestoreEnabled: boolean
  /** RFC 3339. */
  readonly SystemTime: string
  readonly SecurityOptions?: readonly string[] | null
}

type Labels = Readonly<Record<string, string>>

export interface ImageSummary {
  readonly Id: string
  readonly RepoTags: readonly string[] | null
  readonly Labels: Labels | null
  readonly Size: number
  /** Of `Size`, what other images hold too. Known to `diskUsage` only. */
  readonly SharedSize: number
}

interface CacheRecord {
  readonly Size: number
  readonly InUse: boolean
  /** An image holds the same layer. */
  readonly Shared: boolean
}

/** The first three until API 1.51, the others from 1.52 on. */
export interface DiskUsage {
  readonly LayersSize?: number
  readonly Images?: readonly ImageSummary[] | null
  readonly BuildCache?: readonly CacheRecord[] | null
  readonly ImageUsage?: { readonly TotalSize?: number; readonly Items?: readonly ImageSummary[] | null }
  readonly BuildCacheUsage?: { readonly Items?: readonly CacheRecord[] | null }
}

/** What may take long (ms) on a machine that stores much. */
const longCall = 600_000

export function createClient(socket: string): Client {
  const transport = (deadline = 60_000) => new Transport(socket, deadline)

  return {
    container: (id, deadline) => new Container(transport(deadline), id),
    network: (name) => new Network(transport(), name),
    image: (reference) => new Image(transport(), encodeURIComponent(reference)),

    version: () => call(transport(5_000), { method: 'GET', path: '/version' }),
    info: () => call(transport(5_000), { method: 'GET', path: '/info' }),
    createContainer: (name, options) =>
      call(transport(), {
        method: 'POST',
        path: '/containers/create?',
        options: { _query: { name }, _body: options },
      }),
    listContainers: (labels) =>
      call(transport(), {
        method: 'GET',
        path: '/containers/json?',
        options: { all: true, filters: { label: labels } },
      }),
    createNetwork: (options) => call(transport(), { method: 'POST', path: '/networks/create', options }),
    listNetworks: (labels) =>
      call(transport(), { method: 'GET', path: '/networks?', options: { filters: { label: labels } } }),
    listImages: (labels) =>
      call(transport(), { method: 'GET', path: '/images/json?', options: { filters: { label: labels } } }),
    diskUsage: async () => {
      const asked = { method: 'GET', path: '/system/df?', options: { verbose: true } }
      for (const deadline = performance.now() + longCall; ; await delay(200)) {
        try {
          return await call<DiskUsage>(transport(longCall), asked)
        } catch (error) {
          // Older engines do it for one at a time, and refuse others meanwhile.
          const busy = error instanceof EngineError && error.message.includes('already running')
          if (!busy || performance.now() > deadline) throw error
        }
      }
    },
    pruneBuilds: (query) =>
      call(transport(longCall), { method: 'POST', path: '/build/prune?', options: { _query: query, _body: {} } }),
    events: (query, abortSignal) =>
      call(transport(), { method: 'GET', path: '/events?', options: query, abortSignal, isStream: true }),
    // As a stream, unlike dockerode's own: that one never settles when the connection is cut while it waits.
    wait: (id, abortSignal) =>
      call(transport(), {
        method: 'POST',
        path: `/containers/${id}/wait`,
        ...(abortSignal && { abortSignal }),
        isStream: true,
      }),
  }
}

function call<T>(transport: Transport, options: DialOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    transport.dial({ statusCodes: { 200: true, 201: true }, ...options }, (error, result) =>
      error ? reject(error) : resolve(result as T),
    )
  })
}
