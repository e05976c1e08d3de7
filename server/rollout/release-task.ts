/** The `release` process of a release, run once in a container of its own before anything of the release serves. */
import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../domain/app.ts'
import { defaultMemory } from '../domain/app.ts'
import type { Ending } from '../domain/container.ts'
import type { Release } from '../domain/release.ts'
import { oneOffSpec } from '../engine/container-spec.ts'
import { UserError } from '../errors.ts'
import type { RunningJob } from '../jobs/queue.ts'
import { internalHosts } from '../network/internal.ts'
import { newGroup } from './deploy.ts'
import { cancelled, ensureNetwork } from './group.ts'
import type { OneOffContainers } from './one-off-containers.ts'
import type { RolloutParts } from './parts.ts'

/** Milliseconds a release task may take. */
const timeLimit = 10 * 60_000

export async function releaseTask(
  parts: RolloutParts,
  oneOffs: OneOffContainers,
  app: App,
  release: Release,
  job: RunningJob,
  limit = timeLimit,
): Promise<void> {
  const task = release.processes.release
  if (!task) return
  const { engine } = parts
  const config = await parts.environment(release, 'coming')
  const { name: network } = await ensureNetwork(parts, app)
  const { commit, hardened, version } = release
  const place = { app: app.id, process: 'release', index: 1, release: version, group: newGroup() }
  const { id, remove } = await oneOffs.create(place, (mounts) =>
    oneOffSpec({
      system: parts.system,
      appName: app.name,
      place,
      process: task,
      config,
      commit,
      hardened,
      network,
      hosts: internalHosts(release.links, parts.pool),
      memory: defaultMemory,
      tty: false,
      stdin: false,
      mounts,
    }),
  )
  const late = AbortSignal.timeout(limit)
  const signal = AbortSignal.any([job.signal, late])
  const lines: string[] = []
  try {
    await engine.start(id)
    const printed = print(parts, id, signal, (line) => {
      lines.push(line)
      if (lines.length > 20) lines.shift()
      job.emit(`       ${line}`)
    })
    const ending = await engine.wait(id, signal)
    // The end of the output follows the end of the process closely.
    await Promise.race([printed, delay(2_000)])
    if (ending.exitCode !== 0) throw failed(app, release, ending, lines)
    job.did({ do: 'release-task' })
  } catch (error) {
    if (job.signal.aborted) throw cancelled()
    if (late.aborted)
      throw refused(`The release task did not end within ${limit / 60_000} minutes.`, app, release, lines)
    throw error
  } finally {
    await remove()
  }
}

async function print(
  parts: RolloutParts,
  id: string,
  signal: AbortSignal,
  emit: (line: string) => void,
): Promise<void> {
  try {
    for await (const line of parts.engine.logs(id, { tail: 'all', follow: true, signal })) emit(line.text)
  } catch (error) {
    if (!signal.aborted) parts.log.error('rollout.task-output-lost', error)
  }
}

function failed(app: App, release: Release, { exitCode, oomKilled }: Ending, lines: readonly string[]): UserError {
  if (oomKilled) {
    return refused(
      `The release task was killed: it needs more than ${defaultMemory} MiB of memory.`,
      app,
      release,
      lines,
    )
  }
  return refused(`The release task exited with code ${exitCode}.`, app, release, lines)
}

function refused(message: string, app: App, release: Release, lines: readonly string[]): UserError {
  const serving = app.release === null ? '' : ` v${app.release} is still the release.`
  return new UserError('refused', `${message} v${release.version} was not released.${serving}`, undefined, lines)
}
