/** The engine on Docker. Every call is filtered by this system's label: two installations on one machine never meet. */
import { setTimeout as delay } from 'node:timers/promises'
import type Docker from 'dockerode'
import type { Ending } from '../domain/container.ts'
import { UserError } from '../errors.ts'
import { refusing, unlessGone } from './answers.ts'
import { type Client, createClient } from './client.ts'
import { createOptions, observed } from './container-spec.ts'
import type { ContainerDetails, Engine, EngineInfo } from './engine.ts'
import { followEvents } from './events.ts'
import { listeningPorts } from './listening.ts'
import { readLogs } from './logs.ts'
import { attach, exec } from './session.ts'
import { EngineError, isStatus } from './transport.ts'

export function createEngine({ socket, system }: { readonly socket: string; readonly system: string }): Engine {
  const client = createClient(socket)
  const inspect = (id: string) => inspectContainer(client, id)

  return {
    version: async () => {
      const answer = await client.version()
      return { version: answer.Version, api: answer.ApiVersion }
    },
    info: () => engineInfo(client),
    ensureNetwork: (network) => ensureNetwork(client, system, network),
    removeNetwork: (name) => unlessGone(client.network(name).remove()),

    create: async (spec) => {
      const { Id } = await refusing(
        `Docker could not create ${spec.name}.`,
        client.createContainer(spec.name, createOptions(spec)),
      )
      return Id
    },
    start: async (id) => {
      await refusing('Docker could not start the process.', client.container(id).start())
    },
    keep: (id) => unlessGone(client.container(id).update({ RestartPolicy: { Name: 'unless-stopped' } })),
    stop: (id, seconds) => unlessGone(client.container(id, (seconds + 30) * 1000).stop({ t: seconds })),
    remove: (id) => unlessGone(client.container(id).remove({ force: true, v: true })),

    list: async (app) => {
      // An image hands its labels on; only what we started belongs to a group.
      const labels = [systemLabel(system), 'megapolos.group', ...(app === undefined ? [] : [`megapolos.app=${app}`])]
      const found = await client.listContainers(labels)
      return found
        .filter((one) => !one.Labels['megapolos.one-off'] && !one.Labels['megapolos.device'])
        .map((one) => observed(one.Id, isElsewhere(one) ? 'dead' : one.State, one.Labels))
    },
    listOneOff: async () => {
      const found = await client.listContainers([systemLabel(system), 'megapolos.one-off'])
      return found
        .filter((one) => one.Labels['megapolos.one-off'])
        .map((one) => ({
          id: one.Id,
          app: one.Labels['megapolos.app'] ?? '',
          process: one.Labels['megapolos.process'] ?? '',
          group: one.Labels['megapolos.group'] ?? '',
          name: (one.Names[0] ?? '').replace(/^\//, ''),
        }))
    },
    inspect,
    wait: (id, signal) => waitFor(client, id, signal),
    listening: async (id) => {
      const details = await inspect(id)
      return details && details.pid > 0 ? listeningPorts(details.pid) : []
    },

    logs: (id, options) =>
      readLogs(client, id, {
        ...options,
        alive: async () => ['running', 'restarting'].includes((await inspect(id))?.state ?? ''),
      }),
    attach: (id, { tty }) => attach(client, id, tty),
    exec: (id, options) => exec(client, id, options),
    events: (signal) => followEvents(client, system, signal),

    image: (reference) => imageDetails(client, reference),
    tag: async (image, repository, tag) => {
      await client.image(image).tag({ repo: repository, tag })
    },
  }
}

/** It runs, but not at the address that was assigned to it: who asks there is answered by another app, or by nobody. */
function isElsewhere({ State, Labels, NetworkSettings }: Docker.ContainerInfo): boolean {
  const addresses = Object.values(NetworkSettings.Networks).flatMap(({ IPAddress }) => IPAddress || [])
  return State === 'running' && addresses.length > 0 && !addresses.includes(Labels['megapolos.address'] ?? '')
}

function systemLabel(system: string): string {
  return `megapolos.system=${system}`
}

async function engineInfo(client: Client): Promise<EngineInfo> {
  const [version, info] = await Promise.all([client.version(), client.info()])
  const options = info.SecurityOptions ?? []
  return {
    version: version.Version,
    api: version.ApiVersion,
    root: info.DockerRootDir,
    liveRestore: info.LiveRestoreEnabled,
    rootless: options.some((option) => option.includes('name=rootless')),
    remapped: options.some((option) => option.includes('name=userns')),
    time: Date.parse(info.SystemTime),
  }
}

async function ensureNetwork(
  client: Client,
  system: string,
  network: Parameters<Engine['ensureNetwork']>[0],
): Promise<void> {
  try {
    await client.network(network.name).inspect()
    return
  } catch (error) {
    if (!isStatus(error, 404)) throw error
  }
  try {
    await client.createNetwork({
      Name: network.name,
      CheckDuplicate: true,
      Driver: 'bridge',
      IPAM: { Config: [{ Subnet: network.subnet, Gateway: network.gateway, IPRange: network.range }] },
      Options: { 'com.docker.network.bridge.name': network.bridge },
      Labels: { 'megapolos.system': system, 'megapolos.app': network.app },
    })
  } catch (error) {
    if (isStatus(error, 409)) return
    if (!(error instanceof EngineError)) throw error
    throw new UserError(
      'unavailable',
      `Docker could not make the app's network ${network.subnet}.`,
      'When another network of this machine uses these addresses, set MEGAPOLOS_POOL to a free block and restart.',
      [error.message],
    )
  }
}

async function inspectContainer(client: Client, id: string): Promise<ContainerDetails | null> {
  try {
    const found = await client.container(id).inspect()
    const { State: state } = found
    const ended = ['restarting', 'exited', 'dead'].includes(state.Status)
    return {
      state: state.Status as ContainerDetails['state'],
      pid: state.Pid,
      address: Object.values(found.NetworkSettings.Networks)[0]?.IPAddress || null,
      startedAt: state.StartedAt,
      ending: ended ? endingOf(found) : null,
    }
  } catch (error) {
    if (isStatus(error, 404)) return null
    throw error
  }
}

function endingOf(found: Docker.ContainerInspectInfo): Ending {
  return { exitCode: found.State.ExitCode, oomKilled: found.State.OOMKilled, restarts: found.RestartCount }
}

async function waitFor(client: Client, id: string, signal: AbortSignal | undefined): Promise<Ending> {
  const stream = await client.wait(id, signal)
  let answer = ''
  for await (const chunk of stream) answer += chunk
  const { StatusCode: exitCode } = JSON.parse(answer) as { StatusCode: number }
  // A container that the engine keeps may run again by now; then its state tells nothing of how it ended.
  let ending = (await inspectContainer(client, id))?.ending
  // That its memory was short the engine may hear after that it was killed.
  for (let looks = 0; looks < 5 && exitCode === 137 && ending?.oomKilled === false; looks++) {
    await delay(200)
    ending = (await inspectContainer(client, id))?.ending
  }
  return { oomKilled: false, restarts: 0, ...ending, exitCode }
}

async function imageDetails(client: Client, reference: string): ReturnType<Engine['image']> {
  try {
    const found = await client.image(reference).inspect()
    const exposed = Object.keys(found.Config?.ExposedPorts ?? {})
    return {
      id: found.Id,
      ports: exposed.filter((port) => port.endsWith('/tcp')).map((port) => Number.parseInt(port, 10)),
      user: found.Config?.User ?? '',
    }
  } catch (error) {
    if (isStatus(error, 404)) return null
    throw error
  }
}
