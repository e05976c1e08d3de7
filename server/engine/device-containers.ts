/** Containers of devices: made from a spec, known by their names, kept by the engine itself. */
import { messageOf, UserError } from '../errors.ts'
import { refusing, unlessGone } from './answers.ts'
import { type Client, createClient } from './client.ts'
import { type Owner, ownerOf, writeFiles } from './container-files.ts'
import { type DeviceSpec, deviceContainerName, deviceCreateOptions, specDigest } from './device-spec.ts'
import type { ExecWords, Session } from './engine.ts'
import { readLogs } from './logs.ts'
import { exec } from './session.ts'
import { EngineError, isStatus } from './transport.ts'

export interface DeviceContainers {
  /** The one network of all devices; its members do not reach each other. */
  ensureNetwork(network: DeviceNetwork): Promise<void>
  /**
   * Makes the container what the spec says, and runs it. `claim` is called before a new one starts, with the user and
   * group that it runs as: what is mounted into it is to be theirs.
   */
  ensure(spec: DeviceSpec, claim: (owner: Owner) => Promise<void>): Promise<void>
  /** SIGTERM, then SIGKILL after `seconds`. Not an error when it is gone. */
  remove(device: string, name: string, seconds: number): Promise<void>
  restart(device: string, name: string): Promise<void>
  exec(device: string, name: string, words: ExecWords): Promise<Session>
  state(device: string, name: string): Promise<{ readonly running: boolean; readonly exitCode: number | null } | null>
  /** With the directories that are mounted into it. */
  list(device: string): Promise<readonly { readonly name: string; readonly sources: readonly string[] }[]>
  logs(device: string, name: string, lines: number): Promise<string[]>
  /**
   * Starts those that ended and that the engine has left down, as it does when an address was not there yet. Returns
   * their full names, and why one could not be started.
   */
  revive(): Promise<readonly { readonly name: string; readonly problem: string | null }[]>
}

export interface DeviceNetwork {
  readonly name: string
  readonly subnet: string
  readonly gateway: string
  readonly bridge: string
}

interface Parts {
  readonly socket: string
  readonly system: string
  /** Of the digests. */
  readonly key: Buffer
}

export function createDeviceContainers({ socket, system, key }: Parts): DeviceContainers {
  const client = createClient(socket)
  const idOf = (device: string, name: string) => deviceContainerName(system, device, name)
  const present = async (device: string, name: string) => {
    const found = await inspect(client, idOf(device, name))
    if (found !== null) return found
    throw new UserError('unavailable', `The container ${name} of ${device} is not there.`)
  }

  /** Who asks for one of them twice at once gets what the first has made. */
  const turns = new Map<string, Promise<void>>()
  const inTurn = (id: string, work: () => Promise<void>): Promise<void> => {
    const mine = (turns.get(id) ?? Promise.resolve()).catch(() => {}).then(work)
    turns.set(id, mine)
    const leave = () => turns.get(id) === mine && turns.delete(id)
    mine.then(leave, leave)
    return mine
  }

  return {
    ensureNetwork: (network) => inTurn(network.name, () => ensureNetwork(client, system, network)),
    ensure: (spec, claim) => {
      const id = idOf(spec.device, spec.name)
      return inTurn(id, async () => {
        const digest = specDigest(spec, key)
        const found = await inspect(client, id)
        // One that never started may have come without its files.
        const isLikeThis = found?.Config.Labels['megapolos.digest'] === digest && found.State.Status !== 'created'
        if (found && !isLikeThis) await end(client, id, spec.stopTimeout)
        if (!isLikeThis) await make(client, spec, digest, claim)
        await refusing(`Docker could not start ${spec.name} of ${spec.device}.`, client.container(id).start())
      })
    },
    remove: (device, name, seconds) => end(client, idOf(device, name), seconds),
    restart: async (device, name) => {
      const { Id, Config } = await present(device, name)
      const seconds = (Config as { StopTimeout?: number }).StopTimeout ?? 10
      await refusing(
        `Docker could not restart ${name} of ${device}.`,
        client.container(Id, patience(seconds)).restart(),
      )
    },
    exec: async (device, name, words) => {
      const { Id, State } = await present(device, name)
      if (State.Running) return exec(client, Id, words)
      throw new UserError('unavailable', `The container ${name} of ${device} does not run.`)
    },
    state: async (device, name) => {
      const found = await inspect(client, idOf(device, name))
      if (found === null) return null
      const { Running: running, Restarting: restarting, ExitCode } = found.State
      return { running: running && !restarting, exitCode: running && !restarting ? null : ExitCode }
    },
    list: async (device) => {
      const found = await client.listContainers([`megapolos.system=${system}`, `megapolos.device=${device}`])
      return found.flatMap(({ Names, Mounts }) => {
        const [start, full = ''] = [`/${idOf(device, '')}`, Names[0]]
        return full.startsWith(start)
          ? [{ name: full.slice(start.length), sources: Mounts.map(({ Source }) => Source) }]
          : []
      })
    },
    revive: async () => {
      const all = await client.listContainers([`megapolos.system=${system}`, 'megapolos.device'])
      const down = all.filter(({ State, Labels }) => State === 'exited' && Labels['megapolos.device'])
      return Promise.all(
        down.map(async ({ Id, Names }) => ({
          name: (Names[0] ?? Id).replace(/^\//, ''),
          problem: await client
            .container(Id)
            .start()
            .then(() => null, messageOf),
        })),
      )
    },
    logs: async (device, name, lines) => {
      const { Id } = await present(device, name)
      const said = readLogs(client, Id, { tail: lines, alive: async () => false })
      return (await Array.fromAsync(said)).map(({ text }) => text)
    },
  }
}

async function make(
  client: Client,
  spec: DeviceSpec,
  digest: string,
  claim: (owner: Owner) => Promise<void>,
): Promise<void> {
  const name = deviceContainerName(spec.system, spec.device, spec.name)
  const { Id } = await refusing(
    `Docker could not create ${spec.name} of ${spec.device}.`,
    client.createContainer(name, deviceCreateOptions(spec, digest)),
  )
  const owner = await ownerOf(client, Id)
  await claim(owner)
  await writeFiles(client, Id, spec.files, owner)
}

async function end(client: Client, id: string, seconds: number): Promise<void> {
  await unlessGone(client.container(id, patience(seconds)).stop({ t: seconds }))
  await unlessGone(client.container(id).remove({ force: true, v: true }))
}

/** Milliseconds until an engine that has so many seconds to stop something does not answer any more. */
function patience(seconds: number): number {
  return (seconds + 30) * 1000
}

async function inspect(client: Client, id: string) {
  try {
    return await client.container(id).inspect()
  } catch (error) {
    if (isStatus(error, 404)) return null
    throw error
  }
}

async function ensureNetwork(client: Client, system: string, network: DeviceNetwork): Promise<void> {
  const there = await client
    .network(network.name)
    .inspect()
    .catch((error) => {
      if (isStatus(error, 404)) return null
      throw error
    })
  if (there !== null) return
  try {
    await client.createNetwork({
      Name: network.name,
      CheckDuplicate: true,
      Driver: 'bridge',
      IPAM: { Config: [{ Subnet: network.subnet, Gateway: network.gateway }] },
      Options: {
        'com.docker.network.bridge.name': network.bridge,
        'com.docker.network.bridge.enable_icc': 'false',
      },
      Labels: { 'megapolos.system': system },
    })
  } catch (error) {
    if (isStatus(error, 409)) return
    if (!(error instanceof EngineError)) throw error
    throw new UserError(
      'unavailable',
      `Docker could not make the network of the devices, ${network.subnet}.`,
      'When another network of this machine uses these addresses, set MEGAPOLOS_POOL to a free block and restart.',
      [error.message],
    )
  }
}
