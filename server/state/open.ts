/** Opens the store that is configured, brings its schema up to date, and puts the nouns together. */
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import { step } from '../steps.ts'
import { createAddresses } from './addresses.ts'
import { createApprovals } from './approvals.ts'
import { createApps } from './apps.ts'
import { createAttachments, createCredentials } from './attachments.ts'
import { createAudit } from './audit.ts'
import { createBackups } from './backups.ts'
import { createBuilds } from './builds.ts'
import { createCertificates } from './certificates.ts'
import { createConfigVars } from './config-vars.ts'
import type { Database } from './database.ts'
import { createDatabases } from './databases.ts'
import { createDeviceSecrets } from './device-secrets.ts'
import { createDevices } from './devices.ts'
import { createDomains, globalDomain } from './domains.ts'
import { createEndpoints } from './endpoints.ts'
import { createEvents } from './events.ts'
import { createFormations } from './formations.ts'
import { createJobs } from './jobs.ts'
import { createKeys } from './keys.ts'
import { createLinks } from './links.ts'
import { noteLost } from './lost.ts'
import { checkBackup, migrate } from './migrate.ts'
import { createReleases } from './releases.ts'
import { createRouting } from './routing.ts'
import { openRqlite } from './rqlite.ts'
import { createSchedules } from './schedules.ts'
import { createSecrets, type Secrets } from './secrets.ts'
import { createSettings } from './settings.ts'
import { createSocketGrants } from './socket-grants.ts'
import { openSqlite } from './sqlite.ts'
import type { Settings, Store } from './store.ts'
import { createTokens } from './tokens.ts'
import { createVolumes } from './volumes.ts'
import { createWebhooks } from './webhooks.ts'

export interface StoreOptions {
  readonly config: Pick<Config, 'store' | 'rqlitePort' | 'domain' | 'paths'>
  /** 32 bytes, from `loadKey`. */
  readonly key: Buffer
  readonly log: Log
}

/** rqlite needs a second to elect itself, and longer after a crash with much to replay. */
const patience = 30_000

export async function openStore({ config, key, log }: StoreOptions): Promise<Store> {
  const db = await openDatabase(config)
  const secrets = createSecrets(key)
  const settings = createSettings(db)
  const ready = async () => {
    await migrate(db)
    await checkKey(settings, secrets)
    if ((await settings.get(globalDomain)) === null) await settings.set(globalDomain, config.domain)
  }
  try {
    log.info('store.opening', { store: config.store })
    await answers(db, patience)
    await ready()
  } catch (error) {
    await db.close()
    throw error
  }

  return {
    apps: createApps(db),
    config: createConfigVars(db, secrets),
    domains: createDomains(db),
    certificates: createCertificates(db, secrets),
    routing: createRouting(db),
    formations: createFormations(db),
    releases: createReleases(db, secrets),
    builds: createBuilds(db),
    addresses: createAddresses(db),
    jobs: createJobs(db),
    keys: createKeys(db),
    tokens: createTokens(db),
    socketGrants: createSocketGrants(db),
    devices: createDevices(db),
    volumes: createVolumes(db),
    approvals: createApprovals(db),
    backups: createBackups(db, secrets),
    schedules: createSchedules(db),
    webhooks: createWebhooks(db, secrets),
    databases: createDatabases(db),
    attachments: createAttachments(db),
    credentials: createCredentials(db, secrets),
    links: createLinks(db),
    deviceSecrets: createDeviceSecrets(db, secrets),
    endpoints: createEndpoints(db),
    settings,
    audit: createAudit(db),
    events: createEvents(db),
    ping: (timeout = 2_000) => answers(db, timeout),
    backup: (path) => db.backup(path),
    async restore(path) {
      checkBackup(path)
      await db.restore(path)
      await ready()
    },
    close: () => db.close(),
  }
}

/**
 * Puts a backup in the place of whatever the store holds. Unlike `Store.restore` it does not care whether this program
 * knows what is there now: that may be the work of a newer one that failed to start. `elsewhere`: on another machine than
 * it was made on.
 */
export async function restoreState(
  config: StoreOptions['config'],
  path: string,
  { elsewhere }: { readonly elsewhere: boolean },
): Promise<void> {
  checkBackup(path)
  const db = await openDatabase(config)
  try {
    await answers(db, patience)
    await db.restore(path)
    if (!elsewhere) return
    await migrate(db)
    await noteLost(db)
  } finally {
    await db.close()
  }
}

const openDatabase = async (config: StoreOptions['config']): Promise<Database> =>
  counted(config.store === 'sqlite' ? openSqlite(config.paths.sqlite) : await openConfiguredRqlite(config))

/** Every round trip to the store is a step of the job that makes it. */
function counted(db: Database): Database {
  const named = (sql: string) => {
    const [, act = sql, table = ''] = /^\s*(UPDATE|\w+.*?\b(?:FROM|INTO))\s+(\w+)/is.exec(sql) ?? []
    return `store: ${act.split(/\s/)[0]} ${table}`.trimEnd()
  }
  return {
    ...db,
    query: (sql, values) => step(named(sql), () => db.query(sql, values)),
    batch: (statements) => step(named(statements[0]?.sql ?? ''), () => db.batch(statements)),
  }
}

async function openConfiguredRqlite({ rqlitePort, paths }: StoreOptions['config']): Promise<Database> {
  const text = await readFile(paths.rqliteAuth, 'utf8').catch(() => null)
  const [, user, password] = /^([^:\s]+):(\S+)\s*$/.exec(text ?? '') ?? []
  if (user && password) return openRqlite({ port: rqlitePort, user, password })
  throw new UserError(
    'unavailable',
    `${paths.rqliteAuth} ${text === null ? 'cannot be read' : 'is not one line of user:password'}.`,
    'Run the installation again; it writes that file.',
  )
}

/** Asks again until it answers or `timeout` is over. */
export async function answers(db: Database, timeout: number): Promise<void> {
  const end = Date.now() + timeout
  for (;;) {
    const late = new AbortController()
    try {
      await Promise.race([db.query('SELECT 1'), tooLate(end - Date.now(), late.signal)])
      return
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'unavailable' || Date.now() >= end) throw error
      await pause(50)
    } finally {
      late.abort()
    }
  }
}

async function tooLate(timeout: number, signal: AbortSignal): Promise<void> {
  await pause(timeout, undefined, { signal }).catch(() => {})
  throw new UserError('unavailable', 'The store does not answer in time.')
}

/** A store with another key would look well until the first secret is needed. */
async function checkKey(settings: Settings, secrets: Secrets): Promise<void> {
  const sealed = await settings.get('key-check')
  if (sealed === null) await settings.set('key-check', secrets.seal('megapolos', 'key check'))
  else secrets.open(sealed, 'key check')
}
