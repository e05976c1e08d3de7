/** A server that was there before, reached from this machine as its administrator. */
import type { DriverHost } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { ask, type Door } from './sql.ts'

export interface Adopted {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

/** Looks whether the settings lead to a server that lets us make databases and logins, and keeps them. */
export async function adopt(
  host: DriverHost,
  settings: Readonly<Record<string, string>>,
  progress: (line: string) => void,
): Promise<void> {
  const adopted = read(settings)
  await host.node.packages(['mariadb-client'], progress)
  progress(`Looking at ${adopted.host}:${adopted.port}`)
  const door = adoptedDoor(host, adopted)
  const [row] = await ask(door, 'SELECT VERSION();')
  if (!row?.[0]?.includes('MariaDB')) {
    throw new UserError('refused', `${adopted.host}:${adopted.port} is ${row?.[0]}, not MariaDB.`)
  }
  const grants = (await ask(door, 'SHOW GRANTS;')).flat().join('\n')
  if (!/GRANT ALL PRIVILEGES ON \*\.\* .*WITH GRANT OPTION/.test(grants)) {
    throw new UserError(
      'refused',
      `${adopted.user} may not do everything there.`,
      `As its administrator: GRANT ALL PRIVILEGES ON *.* TO '${adopted.user}'@'…' WITH GRANT OPTION`,
    )
  }
  await host.secrets.set('adopted', JSON.stringify(adopted))
}

/** Null when the server is one of ours. */
export async function adoptedOf(host: DriverHost): Promise<Adopted | null> {
  const kept = await host.secrets.get('adopted')
  return kept === null ? null : (JSON.parse(kept) as Adopted)
}

export function adoptedDoor(host: DriverHost, adopted: Adopted): Door {
  return {
    start: host.node.exec,
    words: [`--host=${adopted.host}`, `--port=${adopted.port}`, '--protocol=tcp'],
    admin: { words: [`--user=${adopted.user}`], env: { MYSQL_PWD: adopted.password }, user: 'nobody' },
  }
}

function read({ host, port = '3306', user = 'root', password, ...unknown }: Readonly<Record<string, string>>): Adopted {
  const extra = Object.keys(unknown)[0]
  if (extra !== undefined) throw new UserError('usage', `MariaDB has no setting ${extra}.`, usage)
  if (host === undefined || password === undefined)
    throw new UserError('usage', 'MariaDB needs host and password.', usage)
  if (!/^[a-z0-9][a-z0-9.:-]*$/i.test(host) || !/^\d{1,5}$/.test(port)) {
    throw new UserError('usage', `${host}:${port} is no address.`, usage)
  }
  if (/^(127\.|localhost$|::1$)/.test(host)) {
    throw new UserError(
      'usage',
      `Apps do not reach ${host}: it is another machine to each of them.`,
      'Give its address in the network',
    )
  }
  return { host, port: Number(port), user, password }
}

const usage = 'Settings: host, port (3306), user (root), password'
