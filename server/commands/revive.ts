/** What a server does that has been restored: its devices are installed again, and apps start whose data is there. */
import type { App } from '../domain/app.ts'
import type { BackupKind } from '../domain/backup.ts'
import { errorLines, told } from '../errors.ts'
import type { Context } from './command.ts'
import { asker } from './fields.ts'
import type { Kernel } from './kernel.ts'

export interface Lost {
  readonly kind: BackupKind
  readonly name: string
}

/** Databases and volumes whose content is not here. */
export async function lostOnes({ store }: Pick<Kernel, 'store'>): Promise<Lost[]> {
  const [databases, volumes] = await Promise.all([store.databases.list(), store.volumes.list()])
  return [
    ...databases.filter(({ lost }) => lost).map(({ name }) => ({ kind: 'database' as const, name })),
    ...volumes.filter(({ lost }) => lost).map(({ name }) => ({ kind: 'volume' as const, name })),
  ]
}

/** Servers of devices that are not here yet. Returns the commands that install those which would not come. */
export async function installAgain({ store, lifecycle, jobs, live }: Kernel, context: Context): Promise<string[]> {
  const failed: string[] = []
  for (const device of await store.devices.list()) {
    const { name, driver, version, as } = device
    if (device.state !== 'installing' || device.class !== 'database') continue
    context.emit(`-----> ${name}`)
    if (as !== 'container' && as !== 'node') {
      context.emit(` !     Only you know where its server is: devices:adopt ${driver} --name ${name} …`)
      continue
    }
    const wish = { driver, name, version, as, memory: Number(device.settings.memory) || null }
    const install = jobs.run({ kind: 'devices:install', app: null, ...asker(context) }, async (job) => {
      job.commit()
      await lifecycle.install(wish, job.emit)
      return { value: undefined, result: `${name} is installed again.` }
    })
    await tried(context, install, () => failed.push(`devices:install ${driver} --name ${name}`))
    live.wake('devices')
  }
  return failed
}

export interface Revived {
  readonly apps: { name: string; release: number; url: string }[]
  /** By names of databases and volumes. */
  readonly waiting: { name: string; for: string[] }[]
  /** Their reasons were told. */
  readonly failed: string[]
}

/** Starts what should run and does not, but for apps whose data is not here. */
export async function reviveApps(kernel: Kernel, context: Context): Promise<Revived> {
  const { store, pipeline, url } = kernel
  const revived: Revived = { apps: [], waiting: [], failed: [] }
  const lost = await lostOnes(kernel)
  for (const app of await store.apps.list()) {
    const { name, release } = app
    if (release === null || app.stopped) continue
    const missing = lost.length === 0 ? [] : await missingTo(app, release, lost, kernel)
    if (missing.length > 0) {
      revived.waiting.push({ name, for: missing })
      continue
    }
    context.emit(`-----> ${name} v${release}`)
    const revival = pipeline.revive(app, asker(context)).then(async () => {
      revived.apps.push({ name, release, url: await url(app) })
    })
    await tried(context, revival, () => revived.failed.push(name))
  }
  return revived
}

export function revivedText({ apps, waiting }: Pick<Revived, 'apps' | 'waiting'>): string[] {
  const running = apps.map(({ name, release, url }) => `${name} v${release} runs: ${url}`)
  const needs = waiting.map((one) => `${one.name} starts when the content of ${one.for.join(' and ')} is back.`)
  const lines = [...running, ...needs]
  return lines.length === 0 ? ['No app runs.'] : lines
}

/** What fails is told, and the next one is tried. */
async function tried(context: Context, work: Promise<unknown>, failed: () => void): Promise<void> {
  await work.catch((error) => {
    context.signal.throwIfAborted()
    for (const line of errorLines(told(error))) context.emit(line)
    failed()
  })
}

async function missingTo(app: App, release: number, lost: readonly Lost[], { store }: Kernel): Promise<string[]> {
  const [serves, attached, volumes] = await Promise.all([
    store.releases.get(app.id, release),
    store.volumes.attachments({ app: app.id }),
    store.volumes.list(),
  ])
  const databases = new Set(serves?.attachments.map(({ database }) => database))
  const names = new Set(
    volumes.filter(({ id }) => attached.some(({ volume }) => volume === id)).map(({ name }) => name),
  )
  const needed = { database: databases, volume: names }
  return lost.filter(({ kind, name }) => needed[kind].has(name)).map(({ name }) => name)
}
