/** A server that was there already: reached by its address with a superuser's password, through the node's own client. */
import { z } from 'zod'
import type { DriverHost } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import type { Installed } from './installed.ts'
import { newestVersion } from './node.ts'
import type { Place } from './place.ts'
import { ask } from './psql.ts'

const settingsOf = z.strictObject({
  host: z.string().min(1).max(253),
  port: z.coerce.number().int().min(1).max(65535).default(5432),
  user: z.string().min(1).max(63).default('postgres'),
  password: z.string().min(1),
})

const secret = 'password'

export async function adopt(
  host: DriverHost,
  settings: Readonly<Record<string, string>>,
  progress: (line: string) => void,
): Promise<Installed> {
  const read = settingsOf.safeParse(settings)
  if (!read.success) {
    const wrong = read.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ')
    throw new UserError(
      'usage',
      `These settings lead to no server: ${wrong}.`,
      'host=… port=5432 user=postgres password=…',
    )
  }
  const { password, ...server } = read.data
  await host.node.packages(['postgresql-client'], progress)
  const installed = { as: 'adopted', version: await newestVersion(host, 'pg_dump'), asked: null, server } as const
  const place = adoptedPlace(host, installed, async () => password)
  await refuseUnfit(place, installed.version)
  await host.secrets.set(secret, password)
  return installed
}

async function refuseUnfit(place: Place, version: string): Promise<void> {
  const [line = ''] = await ask(
    place,
    'postgres',
    `SELECT current_setting('server_version_num')::int / 10000, usesuper FROM pg_user WHERE usename = current_user;`,
  )
  const [major, superuser] = line.split('|')
  if (superuser !== 't') {
    throw new UserError('refused', 'This user is no superuser, and the driver needs one.', 'ALTER ROLE … SUPERUSER')
  }
  if (Number(major) < 15)
    throw new UserError('refused', `The server is PostgreSQL ${major}, and 15 is the oldest that is known.`)
  if (Number(major) > Number(version)) {
    throw new UserError(
      'refused',
      `The server is PostgreSQL ${major}, which the node's client, ${version}, cannot dump.`,
    )
  }
}

export function adoptedPlace(
  host: DriverHost,
  { server, version }: Installed,
  password?: () => Promise<string | null>,
): Place {
  const known = password ?? (() => host.secrets.get(secret))
  const door = { PGHOST: server?.host ?? '', PGPORT: String(server?.port), PGCONNECT_TIMEOUT: '10' }
  const never = async () => {
    throw new UserError('refused', 'This server was there before, and is not ours to start or stop.')
  }
  return {
    async exec({ env, ...options }) {
      const isAdmin = env?.PGUSER === server?.user && env?.PGPASSWORD === undefined
      return host.node.exec({ ...options, env: { ...env, ...(isAdmin && { PGPASSWORD: (await known()) ?? '' }) } })
    },
    program: (name) => `/usr/lib/postgresql/${version}/bin/${name}`,
    admin: { ...door, PGUSER: server?.user ?? '' },
    door,
    reach: async () => ({ host: server?.host ?? '', port: server?.port ?? 0 }),
    problem: async () => null,
    restart: never,
    logs: never,
    uninstall: () => host.secrets.set(secret, null),
    connect: (exec) => ({ in: 'node', exec }),
  }
}
