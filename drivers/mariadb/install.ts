/** The server as a container of the device. */
import { setTimeout as delay } from 'node:timers/promises'
import type { InstallOptions } from '../../server/devices/classes/database.ts'
import type { DriverHost, Endpoint } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { type Certificate, selfSigned } from '../shared/certificate.ts'
import { run } from '../shared/client.ts'
import { ask, type Door, failure } from './sql.ts'

export const container = 'server'
const port = 3306
const debianVersion = '10.11'
const socket = '/tmp/mariadb.sock'
const serverUser = 'mysql'

/** The container's own user is the administrator: by whom it is, and not by a password. */
export function containerDoor({ containers }: DriverHost): Door {
  return {
    start: (options) => containers.exec(container, options),
    words: [`--socket=${socket}`],
    admin: { words: [], env: {}, user: serverUser },
  }
}

export function reach({ network }: DriverHost): Promise<Endpoint> {
  return network.endpoint(container, port)
}

export async function install(
  host: DriverHost,
  options: InstallOptions,
  progress: (line: string) => void,
): Promise<void> {
  const { containers } = host
  const image = await containers.image(imageOf(options.version ?? debianVersion), progress)
  const { key, certificate } = await certificateOf(host)
  await reach(host)
  progress('Starting MariaDB')
  await containers.ensure({
    name: container,
    image,
    command: ['sh', '/etc/megapolos/start.sh'],
    env: {},
    user: serverUser,
    memory: options.memory,
    volumes: { '/var/lib/mysql': 'data' },
    files: {
      '/etc/megapolos/start.sh': startScript,
      '/etc/megapolos/server.cnf': configuration(options.memory),
      '/etc/megapolos/key.pem': key,
      '/etc/megapolos/certificate.pem': certificate,
    },
    ports: { [port]: container },
    stopTimeout: 60,
    capabilities: [],
  })
  await answers(host)
  await upgrade(containerDoor(host))
}

/** Until it answers, or is not going to. */
export async function answers(host: DriverHost): Promise<void> {
  const door = containerDoor(host)
  for (const end = Date.now() + startSeconds * 1000; ; await delay(200)) {
    const state = await host.containers.state(container)
    if (state === null) throw new UserError('unavailable', 'MariaDB is not installed.')
    const problem = await ask(door, 'SELECT 1;').then(
      () => null,
      (error: unknown) => error,
    )
    if (problem === null) return
    if (Date.now() < end) continue
    const detail = (await host.containers.logs(container, 10).catch(() => [])) as string[]
    throw new UserError('unavailable', `MariaDB did not answer within ${startSeconds} s.`, undefined, detail)
  }
}

const startSeconds = 120

/** After another major version: its own tables are brought up to it. Does nothing when they are. */
async function upgrade(door: Door): Promise<void> {
  const { env, user } = door.admin
  const ended = await run(door.start, {
    command: ['mariadb-upgrade', '--no-defaults', `--socket=${socket}`, `--user=${serverUser}`],
    env,
    user,
  })
  if (ended.code !== 0) throw failure(ended)
}

function imageOf(version: string) {
  return {
    hub: `mariadb:${version}`,
    ...(version !== debianVersion && { debianVersion }),
    debian: {
      packages: ['mariadb-server'],
      // Debian has one version; asking for another one must not give that.
      lines: [`RUN mariadbd --version | grep -F 'Ver ${version}.'`],
    },
  }
}

/** Days: nobody renews it, and nobody looks. */
const twentyYears = 7305

async function certificateOf({ secrets, device }: DriverHost): Promise<Certificate> {
  const kept = await secrets.get('certificate')
  if (kept !== null) return JSON.parse(kept) as Certificate
  const made = await selfSigned([device], twentyYears)
  await secrets.set('certificate', JSON.stringify(made))
  return made
}

/** A folder counts as the server's data only once all of it is there. */
const startScript = `set -eu
data=/var/lib/mysql/data
if [ ! -d $data ]; then
  rm -rf $data.new
  mariadb-install-db --no-defaults --datadir=$data.new --skip-test-db \\
    --auth-root-authentication-method=socket --auth-root-socket-user=${serverUser}
  mv $data.new $data
fi
exec mariadbd --defaults-file=/etc/megapolos/server.cnf
`

/** One app can take half of the connections at most. */
function configuration(memory: number): string {
  const connections = Math.min(1000, Math.max(100, Math.floor(memory / 4)))
  return `[mariadbd]
datadir = /var/lib/mysql/data
socket = ${socket}
pid-file = /tmp/mariadb.pid
port = ${port}
bind-address = 0.0.0.0
skip-name-resolve
local-infile = 0
ssl-cert = /etc/megapolos/certificate.pem
ssl-key = /etc/megapolos/key.pem
character-set-server = utf8mb4
collation-server = utf8mb4_unicode_ci
innodb-buffer-pool-size = ${Math.floor(memory * 0.4)}M
innodb-log-file-size = ${Math.max(32, Math.floor(memory / 8))}M
key-buffer-size = 8M
aria-pagecache-buffer-size = 8M
max-connections = ${connections}
max-user-connections = ${Math.floor(connections / 2)}
max-allowed-packet = 256M
net-write-timeout = 3600
`
}
