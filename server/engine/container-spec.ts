/** Release + process → what the engine is asked for. Pure: the whole of a container is a value that tests can read. */
import { type ObservedContainer, type Place, placeName } from '../domain/container.ts'
import type { Mount } from '../domain/group.ts'
import type { Process } from '../domain/release.ts'

export interface ContainerSpec {
  readonly name: string
  readonly image: string
  /** Null: the image's own command. */
  readonly command: readonly string[] | null
  readonly env: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly hostname: string
  readonly network: string
  /** `name:address` lines of its hosts file. */
  readonly hosts: readonly string[]
  /** Null: the engine chooses (one-off containers). */
  readonly address: string | null
  /** MiB. */
  readonly memory: number
  readonly pids: number
  /** True: user 1000, every capability dropped. */
  readonly hardened: boolean
  readonly restart: boolean
  readonly tty: boolean
  readonly stdin: boolean
  readonly mounts: readonly Mount[]
}

/** What a spec is made of. */
export interface SpecInput {
  readonly system: string
  readonly appName: string
  readonly place: Place
  readonly process: Process
  readonly config: Readonly<Record<string, string>>
  readonly commit: string
  readonly hardened: boolean
  readonly network: string
  readonly hosts: readonly string[]
  readonly address: string
  /** MiB. */
  readonly memory: number
  readonly restart: boolean
  readonly mounts: readonly Mount[]
}

/** A container that serves, at an address that stays its own. */
export function containerSpec(input: SpecInput): ContainerSpec {
  const { system, place } = input
  const port = portOf(input.process, input.config)
  return {
    ...common(input),
    name: nameOf(system, input.appName, place.process, String(place.index), place.group),
    labels: {
      ...labelsOf(system, place),
      'megapolos.address': input.address,
      'megapolos.memory': String(input.memory),
      // An image may have labels of these names; said here, even as nothing, they are ours.
      'megapolos.port': port === null ? '' : String(port),
      'megapolos.one-off': '',
    },
    hostname: `${place.process}-${place.index}`.replaceAll('_', '-').toLowerCase(),
    address: input.address,
    restart: input.restart,
    tty: false,
    stdin: false,
  }
}

/** A container that runs one command and ends (`run`, the release task). Its index tells it from others of its kind. */
export function oneOffSpec(
  input: Omit<SpecInput, 'address' | 'restart'> & { readonly tty: boolean; readonly stdin: boolean },
): ContainerSpec {
  const { system, place } = input
  return {
    ...common(input),
    name: nameOf(system, input.appName, place.process, String(place.index), place.group),
    labels: { ...labelsOf(system, place), 'megapolos.one-off': place.process },
    hostname: `${place.process}-${place.index}`.replaceAll('_', '-').toLowerCase(),
    address: null,
    restart: false,
    tty: input.tty,
    stdin: input.stdin,
  }
}

/** The port that a process is told to listen on, is checked on and routed to; null for one that takes no requests. */
export function portOf(process: Process, config: Readonly<Record<string, string>>): number | null {
  if (process.port === null) return null
  const own = Number(config.PORT)
  return Number.isInteger(own) && own >= 1 && own <= 65535 ? own : process.port
}

const pidsLimit = 512

function common(input: Omit<SpecInput, 'address' | 'restart'>) {
  const { place, process } = input
  const port = portOf(process, input.config)
  return {
    image: process.image,
    command: process.command && withoutShell(process.command),
    env: {
      ...input.config,
      ...(port === null ? {} : { PORT: String(port) }),
      DYNO: placeName(place),
      MEGAPOLOS_APP: input.appName,
      MEGAPOLOS_RELEASE: `v${place.release}`,
      MEGAPOLOS_COMMIT: input.commit,
      MEGAPOLOS_PROCESS: place.process,
    },
    network: input.network,
    hosts: input.hosts,
    memory: input.memory,
    pids: pidsLimit,
    hardened: input.hardened,
    mounts: input.mounts,
  }
}

/**
 * The signal to stop goes to the first process. A shell that stays between dies of it, and the app with it, before it
 * could finish what it has begun; so the shell makes way where the line is one program with its words.
 */
function withoutShell(command: readonly string[]): readonly string[] {
  const [shell, flag, line = '', ...more] = command
  const replaced = shell === '/bin/sh' && flag === '-c' && more.length === 0 && oneProgram.test(line)
  return replaced ? ['/bin/sh', '-c', `exec ${line}`] : command
}

const oneProgram =
  /^(?!(?:case|cd|command|eval|exec|exit|export|for|if|read|set|time|trap|ulimit|umask|until|wait|while)\b)(?:\.{0,2}\/)?\w[\w./@%+:,-]*(?:\s[^;&|<>(){}`\n]*)?$/

/** Only for people who look at `docker ps`; everything that matters is in the labels. */
function nameOf(...parts: readonly string[]): string {
  return `mp-${parts.join('-')}`.slice(0, 128)
}

function labelsOf(system: string, place: Place): Record<string, string> {
  return {
    'megapolos.system': system,
    'megapolos.app': place.app,
    'megapolos.process': place.process,
    'megapolos.index': String(place.index),
    'megapolos.release': String(place.release),
    'megapolos.group': place.group,
    // An image may have this label; what is of an app is of no device.
    'megapolos.device': '',
  }
}

/** The labels of a container back to what they said. */
export function observed(
  id: string,
  state: string,
  labels: Readonly<Record<string, string | undefined>>,
): ObservedContainer {
  const port = labels['megapolos.port']
  return {
    id,
    app: labels['megapolos.app'] ?? '',
    process: labels['megapolos.process'] ?? '',
    index: Number(labels['megapolos.index']),
    release: Number(labels['megapolos.release']),
    group: labels['megapolos.group'] ?? '',
    address: labels['megapolos.address'] ?? '',
    memory: Number(labels['megapolos.memory']),
    port: port ? Number(port) : null,
    state: state as ObservedContainer['state'],
  }
}

/** The body of the engine's `create` call. */
export function createOptions(spec: ContainerSpec): object {
  return {
    Image: spec.image,
    ...(spec.command && { Entrypoint: [], Cmd: spec.command }),
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    Labels: spec.labels,
    Hostname: spec.hostname,
    Tty: spec.tty,
    OpenStdin: spec.stdin,
    StdinOnce: spec.stdin,
    AttachStdin: spec.stdin,
    ...(spec.hardened && { User: '1000:1000' }),
    HostConfig: {
      NetworkMode: spec.network,
      ExtraHosts: spec.hosts,
      Memory: spec.memory * mebibyte,
      // Equal to Memory: no swap. A process that outgrows its limit ends at once instead of slowing the machine down.
      MemorySwap: spec.memory * mebibyte,
      PidsLimit: spec.pids,
      SecurityOpt: ['no-new-privileges'],
      ...(spec.hardened && { CapDrop: ['ALL'] }),
      Init: true,
      Mounts: spec.mounts.map(mountOption),
      RestartPolicy: { Name: spec.restart ? 'unless-stopped' : 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    },
    NetworkingConfig: {
      EndpointsConfig: { [spec.network]: spec.address === null ? {} : { IPAMConfig: { IPv4Address: spec.address } } },
    },
  }
}

function mountOption({ source, target, readOnly, propagation }: Mount): object {
  return {
    Type: 'bind',
    Source: source,
    Target: target,
    ReadOnly: readOnly,
    BindOptions: {
      Propagation: propagation,
      // Of a place of its own only itself: what else is mounted in it would come along, and be written to.
      ...(propagation === 'rprivate' && { NonRecursive: true }),
      // Docker ≥ 25 would make all that is mounted below read-only too. Older ones never do, and do not know the option.
      ...(readOnly && { ReadOnlyNonRecursive: true }),
    },
  }
}

const mebibyte = 1024 * 1024
