/** The server in a container: Docker Hub's image or Debian's packages, its files on a volume of the device. */
import type { InstallOptions } from '../../server/devices/classes/database.ts'
import type { DriverHost, ImageSource } from '../../server/devices/driver.ts'
import { certificateOf } from './certificate.ts'
import type { Place } from './place.ts'
import { accessRules, initdbWords, serverSettings } from './settings.ts'

const container = 'server'
const volume = 'data'
const endpoint = 'server'
const port = 5432
/** That the images made of Debian's packages have. */
const debianVersion = '15'

/** On the volume: the server's files, and its socket beside them. */
const cluster = '/var/lib/megapolos'
const folder = '/etc/megapolos'
const paths = {
  data: `${cluster}/data`,
  socket: cluster,
  access: `${folder}/pg_hba.conf`,
  key: `${folder}/server.key`,
  certificate: `${folder}/server.crt`,
}
const settings = `${folder}/postgresql.conf`

/** Which major version it is only the running server knows. */
export async function installContainer(
  host: DriverHost,
  { version, memory }: InstallOptions,
  progress: (line: string) => void,
): Promise<null> {
  const image = await host.containers.image(imageSource(version), progress)
  const { key, certificate } = await certificateOf(host)
  await host.network.endpoint(endpoint, port)
  progress('Starting the server')
  await host.containers.ensure({
    ...{ name: container, image, env: {}, memory, user: 'postgres', capabilities: [] },
    command: ['sh', `${folder}/start`],
    volumes: { [cluster]: volume },
    files: {
      [`${folder}/start`]: startScript,
      [settings]: serverSettings(paths, { address: '*', port }, { memory, as: 'container' }),
      ...{ [paths.access]: accessRules, [paths.key]: key, [paths.certificate]: certificate },
    },
    ports: { [port]: endpoint },
    // A checkpoint of much that was written takes a while; Docker's 10 s would end in a recovery.
    stopTimeout: 120,
  })
  return null
}

export function containerPlace(host: DriverHost): Place {
  const door = { PGHOST: cluster, PGCONNECT_TIMEOUT: '10' }
  return {
    exec: (options) => host.containers.exec(container, options),
    program: (name) => name,
    admin: { ...door, PGUSER: 'postgres' },
    door,
    user: 'postgres',
    reach: () => host.network.endpoint(endpoint, port),
    async problem() {
      const state = await host.containers.state(container)
      if (state === null) return 'Its container is not there.'
      return state.running ? null : `Its container has ended with exit code ${state.exitCode}.`
    },
    restart: () => host.containers.restart(container),
    logs: (lines) => host.containers.logs(container, lines),
    async uninstall() {
      await host.containers.remove(container)
      await host.containers.removeVolume(volume)
      await host.network.release(endpoint)
    },
    connect: (exec) => ({ in: 'container', container, exec: { ...exec, user: 'postgres' } }),
  }
}

function imageSource(version: string | null): ImageSource {
  return {
    hub: version === null ? null : `postgres:${version}`,
    ...(version !== null && version !== debianVersion && { debianVersion }),
    debian: {
      packages: [version === null ? 'postgresql' : `postgresql-${version}`],
      lines: [
        // The programs themselves, not Debian's wrappers around them; and nothing of the cluster that comes with the package.
        'RUN ln -sf /usr/lib/postgresql/*/bin/* /usr/local/bin/ && rm -rf /var/lib/postgresql/*',
        // Ends at once, and in good order: SIGTERM would wait until the last client has gone.
        'STOPSIGNAL SIGINT',
      ],
    },
  }
}

/** Half of a cluster that was being made when somebody pulled the plug is not taken for one. */
const startScript = `set -eu
if [ ! -e ${paths.data}/PG_VERSION ]; then
  rm -rf ${paths.data}.new
  initdb --pgdata=${paths.data}.new ${initdbWords.join(' ')}
  mv ${paths.data}.new ${paths.data}
fi
is=$(postgres --version | grep -o '[0-9]*' | head -n 1)
was=$(cat ${paths.data}/PG_VERSION)
if [ "$is" != "$was" ]; then
  echo "The data is of PostgreSQL $was, and the image now has $is: install this device again with --version $was" >&2
  exit 1
fi
exec postgres -D ${paths.data} -c config_file=${settings}
`
