/** The server on the node: Debian's package, a cluster of its own. The distribution's cluster is not touched. */
import { createHash } from 'node:crypto'
import type { InstallOptions } from '../../server/devices/classes/database.ts'
import type { DriverHost, ExecOptions } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { run } from '../shared/client.ts'
import { certificateOf } from './certificate.ts'
import type { Place } from './place.ts'
import { accessRules, initdbWords, serverSettings } from './settings.ts'

const server = 'server'
const endpoint = 'server'
const port = 5432
const user = 'postgres'
const versions = '/usr/lib/postgresql'

/** Where that user may go: the folders of devices are for root alone. */
function pathsOf(host: DriverHost) {
  const cluster = `/var/lib/postgresql/megapolos-${host.system}-${host.device}`
  const file = (name: string) => `${cluster}/${name}`
  return {
    ...{ cluster, data: file('data'), socket: cluster, settings: file('postgresql.conf') },
    ...{ access: file('pg_hba.conf'), key: file('server.key'), certificate: file('server.crt') },
  }
}

/** Returns the major version that it is. */
export async function installNode(
  host: DriverHost,
  { version, memory }: InstallOptions,
  progress: (line: string) => void,
): Promise<string> {
  await host.node
    .packages([version === null ? 'postgresql' : `postgresql-${version}`], progress)
    .catch(async (error) => {
      throw version === null ? error : await unlessUnknown(host, version, error)
    })
  const found = version ?? (await newestVersion(host))
  const paths = pathsOf(host)
  const program = (name: string) => `${versions}/${found}/bin/${name}`

  await must(host, { command: ['install', '-d', '-m', '700', '-o', user, '-g', user, paths.cluster] })
  const there = await run(host.node.exec, { command: ['test', '-e', `${paths.data}/PG_VERSION`] })
  if (there.code !== 0) {
    progress('Making the cluster')
    // Half of one is not taken for one.
    await must(host, { command: ['rm', '-rf', `${paths.data}.new`] })
    await must(host, { command: [program('initdb'), `--pgdata=${paths.data}.new`, ...initdbWords], user })
    await must(host, { command: ['mv', `${paths.data}.new`, paths.data] })
  }
  const { host: address } = await host.network.endpoint(endpoint, port)
  const { key, certificate } = await certificateOf(host)
  const files = {
    [paths.settings]: serverSettings(paths, { address, port }, { memory, as: 'node' }),
    ...{ [paths.access]: accessRules, [paths.key]: key, [paths.certificate]: certificate },
  }
  for (const [path, content] of Object.entries(files)) {
    await must(host, { command: ['install', '-m', '600', '-o', user, '-g', user, '/dev/null', path] })
    await must(host, { command: ['tee', path] }, content)
  }
  progress('Starting the server')
  await serve(host, found)
  return found
}

export function nodePlace(host: DriverHost, version: string): Place {
  const paths = pathsOf(host)
  const door = { PGHOST: paths.socket, PGPORT: String(port), PGCONNECT_TIMEOUT: '10' }
  return {
    exec: (options) => host.node.exec(options),
    program: (name) => `${versions}/${version}/bin/${name}`,
    admin: { ...door, PGUSER: user },
    door,
    user,
    reach: () => host.network.endpoint(endpoint, port),
    problem: async () => null,
    async restart() {
      await host.node.stop(server)
      await serve(host, version)
    },
    async logs(lines) {
      // `stderr log/postgresql-Mon.log`
      const current = await must(host, { command: ['cat', `${paths.data}/current_logfiles`] })
      const log = `${paths.data}/${current.trim().split(' ').at(-1)}`
      return (await must(host, { command: ['tail', '-n', String(lines), log] })).trimEnd().split('\n')
    },
    async uninstall() {
      await host.node.stop(server)
      await must(host, { command: ['rm', '-rf', paths.cluster] })
      await host.network.release(endpoint)
    },
    connect: (exec) => ({ in: 'node', exec: { ...exec, user } }),
  }
}

/** Its settings are told by their digest, so that changed ones start it again. */
async function serve(host: DriverHost, version: string): Promise<void> {
  const { data, settings } = pathsOf(host)
  const digest = createHash('sha256')
    .update(await must(host, { command: ['cat', settings] }))
    .digest('hex')
  await host.node.serve({
    ...{ name: server, user, stopSignal: 'SIGINT' },
    command: [
      `${versions}/${version}/bin/postgres`,
      '-D',
      data,
      '-c',
      `config_file=${settings}`,
      '-c',
      `megapolos.settings=${digest}`,
    ],
  })
}

/** What failed, or in its place that the archive of this machine has no such version. */
async function unlessUnknown(host: DriverHost, version: string, error: unknown): Promise<unknown> {
  const found = await run(host.node.exec, { command: ['apt-cache', 'pkgnames', 'postgresql-'] })
  const known = found.output.split('\n').flatMap((name) => /^postgresql-(\d+)$/.exec(name)?.[1] ?? [])
  const has = known.sort((a, b) => Number(a) - Number(b))
  if (has.length === 0 || has.includes(version)) return error
  const message = `The archive of this machine has no PostgreSQL ${version}; it has ${has.join(', ')}.`
  return new UserError('refused', message, `Take that one: --version ${has.at(-1)}`)
}

/** The newest version of Debian's packages on the node that has this program. */
export async function newestVersion(host: DriverHost, program = 'postgres'): Promise<string> {
  const names = (await must(host, { command: ['ls', versions] })).split('\n').filter((name) => /^\d+$/.test(name))
  for (const version of names.toSorted((a, b) => Number(b) - Number(a))) {
    const server = await run(host.node.exec, { command: ['test', '-x', `${versions}/${version}/bin/${program}`] })
    if (server.code === 0) return version
  }
  throw new UserError('refused', `Debian’s packages have brought no ${program} of PostgreSQL.`)
}

async function must(host: DriverHost, options: ExecOptions, input = ''): Promise<string> {
  const { code, output, stderr } = await run(host.node.exec, options, input)
  if (code === 0) return output
  const lines = stderr.trim().split('\n').slice(-10)
  throw new UserError(
    'unavailable',
    `${options.command[0]} failed on the node with exit code ${code}.`,
    undefined,
    lines,
  )
}
