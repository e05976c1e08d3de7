/**
 * Every setting, from the environment only. The installation writes them to `<home>/settings.env`; the units and
 * `install.sh start` read that file. Nobody else reads `process.env`.
 */
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { UserError } from './errors.ts'

export interface Config {
  /** The data home, one folder, at most 60 characters: socket paths end at 107. `MEGAPOLOS_HOME` */
  readonly home: string
  /** The folder that this program runs from; repositories point their hooks at it. `MEGAPOLOS_PROGRAM` */
  readonly program: string
  /** `MEGAPOLOS_STORE`: rqlite as installed, sqlite for development. */
  readonly store: 'rqlite' | 'sqlite'
  /** Loopback port of rqlite's HTTP API; the next one carries raft. `MEGAPOLOS_RQLITE_PORT` */
  readonly rqlitePort: number
  /** Port of the proxy for HTTP. `MEGAPOLOS_HTTP_PORT` */
  readonly httpPort: number
  /** Port of the proxy for HTTPS. `MEGAPOLOS_HTTPS_PORT` */
  readonly httpsPort: number
  /** Port of the SSH door; only printed, sshd listens on it. `MEGAPOLOS_SSH_PORT` */
  readonly sshPort: number
  /** Loopback port of the panel. `MEGAPOLOS_PANEL_PORT` */
  readonly panelPort: number
  /** Loopback port of git over HTTP; the proxy leads `git.<global domain>` there. `MEGAPOLOS_GIT_PORT` */
  readonly gitPort: number
  /** Name or address that people reach this server under; only printed. `MEGAPOLOS_ADDRESS` */
  readonly address: string
  /** Global domain at the first start; `domains:set-global` changes it later. `MEGAPOLOS_DOMAIN` */
  readonly domain: string
  /** IPv4 block that app networks are cut from, a /24 each. `MEGAPOLOS_POOL` */
  readonly pool: string
  /** Docker Engine's socket. `MEGAPOLOS_DOCKER` */
  readonly docker: string
  /** User that git, the hooks and SSH commands run as. `MEGAPOLOS_USER` */
  readonly user: string
  /** Where build bases come from: Docker Hub, Debian's archive, or whichever answers. `MEGAPOLOS_BASES` */
  readonly bases: 'auto' | 'hub' | 'local'
  /**
   * Whether Docker's default bridge, on which builds run, is behind the firewall like the networks of apps. Off where
   * other people's containers on it need the host's ports. `MEGAPOLOS_BUILD_FIREWALL`
   */
  readonly buildFirewall: 'on' | 'off'
  readonly paths: Paths
}

export interface Paths {
  /** Kernel socket, 0660 root:user. Its folder is 0750. */
  readonly socket: string
  /** The keys that may come in, 0640 root:user, as sshd reads them. */
  readonly authorizedKeys: string
  readonly repositories: string
  /** A note for each push over HTTP that is under way, named by the number of its git process. */
  readonly pushes: string
  readonly keys: string
  readonly logs: string
  readonly spool: string
  readonly backups: string
  readonly sqlite: string
  readonly redisSocket: string
  /** File with `user:password` for rqlite. */
  readonly rqliteAuth: string
  /** Devices keep their files here, a folder each. */
  readonly devices: string
  /** Drivers that the operator added, a folder each. */
  readonly drivers: string
  /** What of them is running: a copy for each. */
  readonly driverCopies: string
  /** What containers find at `/megapolos`: a folder for each process type of a group. A shared mount. */
  readonly mounts: string
  /** What the next boot mounts in them, before the kernel runs. */
  readonly mountOrders: string
  /** Volumes that the kernel places. */
  readonly volumes: string
}

type Environment = Readonly<Record<string, string | undefined>>

export function readConfig(env: Environment = process.env): Config {
  const home = resolve(env.MEGAPOLOS_HOME ?? join(homedir(), '.megapolos'))
  if (home.length > 60) {
    throw new UserError(
      'usage',
      `MEGAPOLOS_HOME is ${home.length} characters long, at most 60 are allowed.`,
      'Choose a shorter folder, such as /var/lib/megapolos.',
    )
  }
  return {
    home,
    program: env.MEGAPOLOS_PROGRAM ?? dirname(import.meta.dirname),
    store: oneOf(env, 'MEGAPOLOS_STORE', ['rqlite', 'sqlite'], 'sqlite'),
    rqlitePort: port(env, 'MEGAPOLOS_RQLITE_PORT', 9141),
    httpPort: port(env, 'MEGAPOLOS_HTTP_PORT', 80),
    httpsPort: port(env, 'MEGAPOLOS_HTTPS_PORT', 443),
    sshPort: port(env, 'MEGAPOLOS_SSH_PORT', 22),
    panelPort: port(env, 'MEGAPOLOS_PANEL_PORT', 9180),
    gitPort: port(env, 'MEGAPOLOS_GIT_PORT', 9181),
    address: env.MEGAPOLOS_ADDRESS ?? 'localhost',
    domain: env.MEGAPOLOS_DOMAIN ?? 'localhost',
    pool: env.MEGAPOLOS_POOL ?? '10.64.0.0/12',
    docker: env.MEGAPOLOS_DOCKER ?? '/var/run/docker.sock',
    user: env.MEGAPOLOS_USER ?? 'megapolos',
    bases: oneOf(env, 'MEGAPOLOS_BASES', ['auto', 'hub', 'local'], 'auto'),
    buildFirewall: oneOf(env, 'MEGAPOLOS_BUILD_FIREWALL', ['on', 'off'], 'on'),
    paths: {
      socket: join(home, 'run/kernel.sock'),
      authorizedKeys: join(home, 'run/authorized_keys'),
      repositories: join(home, 'repositories'),
      pushes: join(home, 'run/pushes'),
      keys: join(home, 'keys'),
      logs: join(home, 'logs'),
      spool: join(home, 'spool'),
      backups: join(home, 'backups'),
      sqlite: join(home, 'state/megapolos.sqlite'),
      redisSocket: join(home, 'redis/redis.sock'),
      rqliteAuth: join(home, 'keys/rqlite'),
      devices: join(home, 'devices'),
      drivers: join(home, 'drivers'),
      driverCopies: join(home, 'run/drivers'),
      mounts: join(home, 'mounts'),
      mountOrders: join(home, 'state/mounts'),
      volumes: join(home, 'volumes'),
    },
  }
}

function oneOf<const T extends string>(env: Environment, name: string, values: readonly T[], fallback: T): T {
  const text = env[name] ?? fallback
  const value = values.find((candidate) => candidate === text)
  if (value === undefined) throw new UserError('usage', `${name} is ${text}; it must be one of ${values.join(', ')}.`)
  return value
}

function port(env: Environment, name: string, fallback: number): number {
  const value = Number(env[name] ?? fallback)
  if (!Number.isInteger(value) || value < 1 || value > 65535) {
    throw new UserError('usage', `${name} is ${env[name]}; it must be a port from 1 to 65535.`)
  }
  return value
}
