/** A container of a device → what the engine is asked for. Pure. */
import { createHmac } from 'node:crypto'

export interface DeviceSpec {
  readonly system: string
  readonly device: string
  /** The driver's own name for it. */
  readonly name: string
  readonly image: string
  /** In place of the image's entrypoint and command; null: those. */
  readonly command: readonly string[] | null
  readonly env: Readonly<Record<string, string>>
  /** Null: the image's own. */
  readonly user: string | null
  /** MiB. */
  readonly memory: number
  readonly mounts: readonly { readonly source: string; readonly target: string }[]
  /** Path → text; only their digest is visible from outside. */
  readonly files: Readonly<Record<string, string>>
  readonly ports: readonly { readonly inside: number; readonly host: string; readonly port: number }[]
  /** Seconds. */
  readonly stopTimeout: number
  /** Null: Docker's default set. */
  readonly capabilities: readonly string[] | null
  readonly network: string
}

/** Neither an app nor a device has a dot in its name, so nothing else is ever called like this. */
export function deviceContainerName(system: string, device: string, name: string): string {
  return `mp-${system}.${device}.${name}`
}

/** Two specs with the same digest make the same container. Keyed: it is there for all to see, and the files are not. */
export function specDigest(spec: DeviceSpec, key: Buffer): string {
  const sorted = (record: Readonly<Record<string, string>>) =>
    Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
  const whole = { ...spec, env: sorted(spec.env), files: sorted(spec.files) }
  return createHmac('sha256', key).update(JSON.stringify(whole)).digest('hex')
}

/** The body of the engine's `create` call. */
export function deviceCreateOptions(spec: DeviceSpec, digest: string): object {
  const portName = (inside: number) => `${inside}/tcp`
  return {
    Image: spec.image,
    ...(spec.command && { Entrypoint: [], Cmd: spec.command }),
    ...(spec.user !== null && { User: spec.user }),
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    Labels: {
      'megapolos.system': spec.system,
      'megapolos.device': spec.device,
      'megapolos.container': spec.name,
      'megapolos.digest': digest,
    },
    Hostname: `${spec.device}-${spec.name}`.slice(0, 63),
    StopTimeout: spec.stopTimeout,
    ExposedPorts: Object.fromEntries(spec.ports.map(({ inside }) => [portName(inside), {}])),
    HostConfig: {
      NetworkMode: spec.network,
      PortBindings: Object.fromEntries(
        spec.ports.map(({ inside, host, port }) => [portName(inside), [{ HostIp: host, HostPort: String(port) }]]),
      ),
      Mounts: spec.mounts.map(({ source, target }) => ({ Type: 'bind', Source: source, Target: target })),
      Memory: spec.memory * mebibyte,
      // Equal to Memory: no swap.
      MemorySwap: spec.memory * mebibyte,
      // Databases share memory between their processes; it counts as theirs all the same.
      ShmSize: (spec.memory * mebibyte) / 2,
      PidsLimit: pidsLimit,
      SecurityOpt: ['no-new-privileges'],
      ...(spec.capabilities && { CapDrop: ['ALL'], CapAdd: spec.capabilities }),
      Init: true,
      RestartPolicy: { Name: 'unless-stopped' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    },
  }
}

const mebibyte = 1024 * 1024
const pidsLimit = 4096
