/** The server's own configuration, whole: nothing of the distribution's is read. */
import type { InstallOptions } from '../../server/devices/classes/database.ts'

export interface ServerPaths {
  /** Folder of its socket, which only the server's user enters. */
  readonly socket: string
  readonly access: string
  readonly key: string
  readonly certificate: string
}

export interface Listening {
  readonly address: string
  readonly port: number
}

export function serverSettings(
  paths: ServerPaths,
  { address, port }: Listening,
  { memory, as }: Pick<InstallOptions, 'memory' | 'as'>,
): string {
  const settings: Readonly<Record<string, string | number>> = {
    hba_file: paths.access,
    listen_addresses: address,
    port,
    unix_socket_directories: paths.socket,
    unix_socket_permissions: '0700',
    ssl: 'on',
    ssl_cert_file: paths.certificate,
    ssl_key_file: paths.key,
    password_encryption: 'scram-sha-256',
    // Who is gone without a word is noticed, and what it had asked for ends.
    tcp_keepalives_idle: 60,
    client_connection_check_interval: '5s',
    // The kernel comes in when apps have taken all that they may.
    max_connections: between(40, Math.floor(memory / 4), 500),
    superuser_reserved_connections: 10,
    shared_buffers: `${Math.floor(memory / 4)}MB`,
    effective_cache_size: `${Math.floor((memory * 3) / 4)}MB`,
    maintenance_work_mem: `${between(16, Math.floor(memory / 16), 1024)}MB`,
    work_mem: `${between(1, Math.floor(memory / 128), 64)}MB`,
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    // A container's output is its log. On the node the server keeps a week of it.
    ...(as === 'node' && {
      logging_collector: 'on',
      log_directory: 'log',
      log_filename: 'postgresql-%a.log',
      log_rotation_age: '1d',
      log_rotation_size: 0,
      log_truncate_on_rotation: 'on',
    }),
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${value}'\n`)
    .join('')
}

/** The superuser comes in only as the system's user of that name, without a password; everybody else with one. */
export const accessRules = `local all postgres peer
local all all scram-sha-256
host all postgres all reject
host all all all scram-sha-256
`

/** C.UTF-8: the order of texts never changes with a newer system, which would break the indexes. */
export const initdbWords = [
  ...['--username=postgres', '--auth-local=peer', '--auth-host=scram-sha-256'],
  ...['--encoding=UTF8', '--locale=C.UTF-8', '--data-checksums', '--no-instructions'],
]

function between(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(value, most))
}
