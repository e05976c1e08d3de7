/** The servers: a container for each database, with an address, a volume and accounts of its own. */
import { createHash, randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import type { InstallOptions } from '../../server/devices/classes/database.ts'
import type { DriverHost } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { type Door, say } from './cli.ts'
import { withScratch } from './scratch.ts'

/** What was installed: there is no server yet, only what makes one. */
export interface Installed {
  readonly image: string
  /** Of the software. */
  readonly version: string
  /** MiB of each server. */
  readonly memory: number
  /** Of the kernel's own account. */
  readonly password: string
}

export async function install(
  host: DriverHost,
  options: InstallOptions,
  progress: (line: string) => void,
): Promise<void> {
  const image = await host.containers.image(imageOf(options.version ?? debianVersion), progress)
  const password = (await found(host))?.password ?? randomBytes(24).toString('hex')
  const version = await versionOf(host, image)
  await host.secrets.set('installed', JSON.stringify({ image, version, memory: options.memory, password }))
  for (const database of await list(host)) {
    progress(`Starting ${database}`)
    await start(host, database)
  }
}

/** Throws `unavailable` before `install`. */
export async function installed(host: DriverHost): Promise<Installed> {
  const known = await found(host)
  if (known === null) throw new UserError('unavailable', 'Redis is not installed.')
  return known
}

export async function list({ containers }: DriverHost): Promise<string[]> {
  return (await containers.list()).filter((name) => !name.includes('-')).sort()
}

/** Throws `not-found`. */
export async function mustBeThere(host: DriverHost, database: string): Promise<void> {
  if ((await host.containers.state(checked(database))) !== null) return
  throw new UserError('not-found', `There is no database ${database} in Redis.`)
}

/** Makes the server of this database what it should be, and waits until it answers. */
export async function start(host: DriverHost, database: string): Promise<void> {
  const { image, memory, password } = await installed(host)
  await host.network.endpoint(checked(database), port)
  await host.containers.ensure({
    name: database,
    image,
    command: ['sh', '/etc/megapolos/start.sh'],
    env: {},
    user: serverUser,
    memory,
    volumes: { '/data': database },
    files: {
      '/etc/megapolos/start.sh': startScript,
      '/etc/megapolos/redis.conf': configuration(memory),
      '/etc/megapolos/users.acl': accounts(password),
    },
    ports: { [port]: database },
    stopTimeout: 30,
    capabilities: [],
  })
  await answers(host, database)
}

export async function remove(host: DriverHost, database: string): Promise<void> {
  await host.containers.remove(checked(database), 10)
  await host.containers.removeVolume(database)
  await host.network.release(database)
}

export async function restart(host: DriverHost, database: string): Promise<void> {
  await host.containers.restart(database)
  await answers(host, database)
}

/** As the kernel. */
export async function doorOf(host: DriverHost, database: string): Promise<Door> {
  const { password } = await installed(host)
  return {
    start: (options) => host.containers.exec(database, options),
    client: { command: ['redis-cli', '-s', socket, '--user', kernel], env: { REDISCLI_AUTH: password } },
  }
}

/** No login is ever called like this: they have no hyphen. */
export const kernel = 'megapolos-kernel'
export const port = 6379
export const serverUser = 'redis'
const socket = '/tmp/redis.sock'
const debianVersion = '7'

async function found({ secrets }: DriverHost): Promise<Installed | null> {
  const kept = await secrets.get('installed')
  return kept === null ? null : (JSON.parse(kept) as Installed)
}

/** Until it answers, or is not going to. */
async function answers(host: DriverHost, database: string): Promise<void> {
  const door = await doorOf(host, database)
  for (const end = Date.now() + startSeconds * 1000; ; await delay(100)) {
    const problem = await say(door, ['PING'], 5).then(
      () => null,
      (error: unknown) => error,
    )
    if (problem === null) return
    if (Date.now() > end) throw problem
  }
}

const startSeconds = 120

function imageOf(version: string) {
  return {
    hub: `redis:${version}`,
    ...(version !== debianVersion && { debianVersion }),
    debian: {
      packages: ['redis-server'],
      // Debian has one version; asking for another one must not give that.
      lines: [`RUN redis-server --version | grep -F 'v=${version}.'`],
    },
  }
}

/** Asked of the image itself: there may be no database whose server could say. */
async function versionOf(host: DriverHost, image: string): Promise<string> {
  return withScratch(host, { image, memory: 64 }, async (start) => {
    const said = await text((await start({ command: ['redis-server', '--version'] })).stdout)
    return /v=([\d.]+)/.exec(said)?.[1] ?? '?'
  })
}

/** Names become those of containers, where other characters mean something. */
function checked(name: string): string {
  if (/^[a-z][a-z0-9_]{0,47}$/.test(name)) return name
  throw new UserError('usage', `${JSON.stringify(name)} cannot be the name of a database in Redis.`)
}

/**
 * A restore leaves a whole file, \`restored.rdb\`, which becomes the data of the next start; \`restoring\` is there until
 * the server has answered with it. One that did not come up with it starts empty.
 */
const startScript = `set -eu
cd /data
[ -e users.acl ] || { cp /etc/megapolos/users.acl users.new; mv users.new users.acl; }
if [ -e restoring ] && [ ! -e restored.rdb ]; then
  rm -rf appendonlydir
  rm restoring
fi
if [ -e restored.rdb ]; then
  touch restoring
  rm -rf appendonlydir
  mkdir appendonlydir
  ln restored.rdb appendonlydir/appendonly.aof.1.base.rdb
  echo 'file appendonly.aof.1.base.rdb seq 1 type b' > appendonlydir/appendonly.aof.manifest
  rm restored.rdb
fi
exec redis-server /etc/megapolos/redis.conf
`

/** A third of the memory is for what a rewrite of the log copies while writers go on. */
function configuration(memory: number): string {
  return `port ${port}
bind 0.0.0.0
protected-mode no
unixsocket ${socket}
unixsocketperm 700
dir /data
aclfile /data/users.acl
appendonly yes
save ""
repl-diskless-sync no
sanitize-dump-payload yes
maxmemory ${Math.floor((memory * 2) / 3)}mb
maxmemory-policy noeviction
`
}

function accounts(password: string): string {
  const digest = createHash('sha256').update(password).digest('hex')
  return `user default off\nuser ${kernel} on #${digest} ~* &* +@all\n`
}
