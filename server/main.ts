/** start(config): builds every part and joins them; the only place where they meet. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { settleAftermath } from './aftermath.ts'
import { currentBases } from './build/bases.ts'
import { createBuildStage } from './build/stage.ts'
import { createCaller } from './commands/call.ts'
import { withDriverNames } from './commands/driver-names.ts'
import { table } from './commands/index.ts'
import type { Kernel } from './commands/kernel.ts'
import { createSignIn } from './commands/sign-in.ts'
import { type Config, readConfig } from './config.ts'
import { createDoctor } from './doctor/doctor.ts'
import { makeRounds } from './doctor/rounds.ts'
import type { App } from './domain/app.ts'
import { appUrl, panelUrl } from './domain/route.ts'
import { createAppSocket } from './doors/app-socket.ts'
import { authorizedKeys } from './doors/authorized-keys.ts'
import { createKernelSocket } from './doors/kernel-socket.ts'
import { createPanel, servePanel } from './doors/panel.ts'
import { listenOnSocket, refuseSecond } from './doors/socket-file.ts'
import { createEngine } from './engine/docker.ts'
import { createStorage } from './engine/storage.ts'
import { messageOf, UserError } from './errors.ts'
import { createJournal } from './events/journal.ts'
import { createNotifier } from './events/notifier.ts'
import { started, stopped } from './events/start.ts'
import { answerFlag } from './flags.ts'
import { createCollector } from './gc/collector.ts'
import { roomAt } from './gc/room.ts'
import { prepareHome, systemName } from './home.ts'
import { createJobs } from './jobs/jobs.ts'
import { createAppLogs } from './live/app-logs.ts'
import { openLive } from './live/redis.ts'
import { createLog, type Log } from './log.ts'
import { bindEndpoints } from './network/endpoints.ts'
import { createFirewall } from './network/firewall.ts'
import { bridgePrefix, endpointBlock, poolProblem } from './network/subnets.ts'
import { openAttachments } from './open/attachments.ts'
import { openBackups } from './open/backups.ts'
import { openCertificates } from './open/certificates.ts'
import { openDevices, usersOf } from './open/devices.ts'
import { openVolumes } from './open/volumes.ts'
import { createPipeline } from './pipeline.ts'
import { findAccount } from './push/account.ts'
import { createBundles } from './push/bundles.ts'
import { createDriverPushes } from './push/driver-push.ts'
import { createRepositories } from './push/repositories.ts'
import { openSpool } from './push/spool-folder.ts'
import { createRollout } from './rollout/rollout.ts'
import { createRoutes } from './route/routes.ts'
import { openStore } from './state/open.ts'
import { rememberedKeys } from './state/remembered-keys.ts'
import { loadKey } from './state/secrets.ts'

export interface Running {
  /** Lets running jobs end for up to ten seconds; apps, proxy and databases go on. */
  stop(): Promise<void>
}

export async function start(config: Config, log: Log = createLog()): Promise<Running> {
  const problem = poolProblem(config.pool)
  if (problem) throw new UserError('usage', `MEGAPOLOS_POOL (${config.pool}) ${problem}.`)
  await refuseSecond(config)
  const account = await findAccount(config.user)
  await prepareHome(config, account)
  const system = await systemName(config.home)
  const version = await programVersion(config)

  const key = await loadKey(join(config.paths.keys, 'secret.key'))
  const stored = await openStore({ config, key, log })
  const hooks = join(config.program, 'hooks')
  const letIn = authorizedKeys({
    ...{ path: config.paths.authorizedKeys, group: account.gid },
    ...{ hooks, panelPort: config.panelPort },
  })
  const store = { ...stored, keys: await rememberedKeys(stored.keys, letIn) }
  const live = openLive({ socket: config.paths.redisSocket, log })
  const notifier = createNotifier({ store, system, log })
  const journal = createJournal({ store, live, log, notifier })
  const before = await store.events.lastOf('kernel')
  const engine = createEngine({ socket: config.docker, system })

  // Before any device listens there. Without root, in development, they have no address.
  await bindEndpoints(config.pool).catch((error) => log.warn('endpoints.not-bound', { reason: messageOf(error) }))
  const users = (device: string) => usersOf(device, store)
  const tell = (text: string) => journal.record({ kind: 'device', text })
  const deviceWorld = { config, store, key, system, users, tell, log }
  const { devices, lifecycle, driverHost, driverTests } = await openDevices(deviceWorld)
  await devices.installDefaults()
  lifecycle.revive()

  const challenges = new Map<string, string>()
  const openLinks = () => attachments.links.open()
  const routes = createRoutes({ ...store, ...config, challenges, openLinks, proxy: devices.proxy, log })
  const { certificates, following, keepCertificates } = openCertificates({
    ...{ config, store, devices, routes, challenges, journal, log },
  })
  const guarded = config.buildFirewall === 'on' ? ['docker0'] : []
  const firewall = createFirewall({
    system,
    interfaces: [`${bridgePrefix(system)}+`, ...guarded],
    separate: guarded,
    ports: [config.httpPort, config.httpsPort],
    endpoints: endpointBlock(config.pool),
    grants: () => attachments.grants(),
    log,
  })
  const { groups, volumes, takeOver } = openVolumes({ config, system, store, devices, log })
  const opened = openAttachments({ config, key, system, store, engine, devices, firewall, routes, log })
  const { attachments } = opened
  const rollout = createRollout({
    ...{ engine, store, live, journal, groups, firewall, system, log },
    ...{ traffic: routes, pool: config.pool, volumes },
    ...{ environment: attachments.environment, looked: attachments.looked },
  })

  const jobs = createJobs({ store, live, journal, logs: config.paths.logs, log })
  await settleAftermath(store, jobs)

  const repositories = createRepositories(config.paths.repositories, hooks, account)
  repositories.removeLeftOvers().catch((error) => log.error('repositories.not-tidied', error))
  const url = async (app: App) => appUrl(await store.domains.ofApp(app.id), config, routes.table().hosts)
  const basesConfig = { mode: config.bases, buildpacks: join(config.program, 'buildpacks'), system }
  const collector = createCollector({
    ...{ store, jobs, engine: createStorage({ socket: config.docker, system }), repositories, roomAt, log },
    bases: () => new Set([...currentBases(basesConfig), ...driverHost.images()]),
    ...{ logs: config.paths.logs, folders: [config.paths.spool, config.home] },
  })
  const pipeline = createPipeline({
    ...{ store, jobs, journal, repositories, rollout, volumes, attachments, routes: following, url, pool: config.pool },
    build: createBuildStage({ builder: devices.builder, engine, store, basesConfig, log }),
    spool: await openSpool(config.paths.spool),
    room: collector.room,
    settle: collector.settle,
    hasImages: async (images) =>
      (await Promise.all(images.map((image) => engine.image(image)))).every((image) => image !== null),
  })
  const { switching, databases } = opened.join(jobs, pipeline.relogin)
  const bundles = createBundles(config.paths.repositories, account)
  const { keep, ...backups } = openBackups({
    ...{ ...config, version, store, key, jobs, devices, bundles, volumes, log },
    databases: switching,
  })

  const doctor = createDoctor({
    ...{ config, engine, store, live, firewall, devices },
    ...{ proxy: devices.proxy, routes: routes.table, now: Date.now },
  })
  const publicly = () => panelUrl(routes.table(), config.httpsPort)
  const signIn = createSignIn({
    panelPort: config.panelPort,
    publicly,
    tunnel: `ssh -N -L ${config.panelPort}:localhost:${config.panelPort} megapolos`,
    redeemed: ({ name }) => journal.record({ kind: 'login', text: `${name} signed in to the panel.` }),
  })
  const kernel: Kernel = {
    ...{ config, version, store, pipeline, collector, jobs, journal, doctor },
    logs: createAppLogs(engine, live),
    live,
    devices,
    volumes,
    attachments,
    databases,
    lifecycle,
    drivers: driverHost.drivers,
    driverTests,
    driverPushes: createDriverPushes({ ...driverHost, repositories, folder: config.paths.drivers }),
    repositories,
    oneOff: rollout.oneOff,
    ...backups,
    notifier,
    signIn,
    certificates,
    routes,
    born: new Set(),
    url,
    engineState: () => engine.version().then(({ version, api }) => `${version} (API ${api})`, messageOf),
  }
  const caller = createCaller(withDriverNames(table, devices.manifests), kernel, log)

  await takeOver([createAppSocket({ caller, store, log })])
  const stopping = new AbortController()
  const watching = Promise.all([rollout.watch(stopping.signal), collector.watch(stopping.signal)])
  const keeping = Promise.all([keep(stopping.signal), keepCertificates(stopping.signal)])
  driverHost.watch(stopping.signal).catch((error) => log.error('drivers.not-watched', error))
  attachments.watch(stopping.signal, switching.goOn)
  makeRounds({ doctor, journal, engine, store, live, proxy: devices.proxy, log }, stopping.signal)
  const health = async () => ({ version, store: await store.ping(2000).then(() => 'ok', messageOf) })
  const socket = createKernelSocket({ caller, keys: store.keys, tokens: store.tokens, health })
  await listenOnSocket(socket, config, account)
  const panel = await servePanel(
    createPanel({ caller, signIn, keys: store.keys, live, publicly, secret: key, log }),
    config.panelPort,
  )
  journal.record(started(version, before))
  log.info('kernel.started', { version, system, home: config.home })

  return {
    async stop() {
      stopping.abort()
      socket.close()
      panel.close()
      await jobs.close(10_000)
      await Promise.all([watching, keeping])
      notifier.close()
      journal.record(stopped(version))
      await journal.close(2_000)
      routes.stop()
      volumes.close()
      await Promise.all([live.close(), store.close()])
    },
  }
}

async function programVersion({ program }: Config): Promise<string> {
  return JSON.parse(await readFile(join(program, 'package.json'), 'utf8')).version
}

/** `node server/main.ts` runs the kernel; the flags are what `install.sh` asks while it does not run. */
async function main([flag, file = '']: readonly string[]): Promise<void> {
  const config = readConfig()
  const log = createLog()
  if (flag === undefined) {
    // One forgotten promise must not end every job that runs.
    process.on('unhandledRejection', (error) => log.error('kernel.unhandled', error))
    const running = await start(config, log)
    const stop = () => running.stop().finally(() => process.exit(0))
    process.once('SIGTERM', stop)
    process.once('SIGINT', stop)
    return
  }
  await answerFlag(flag, file, config, log)
}

if (import.meta.main) {
  main(process.argv.slice(2)).catch((error) => {
    process.stderr.write(`${messageOf(error)}\n`)
    process.exit(1)
  })
}
