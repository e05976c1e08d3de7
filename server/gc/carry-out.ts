/** Does what was planned. Every step may be repeated, and the order makes an interruption harmless. */
import { rm } from 'node:fs/promises'
import { logPath } from '../jobs/job-log.ts'
import { stepsPath } from '../jobs/job-steps.ts'
import { auditBefore, type Observed } from './observe.ts'
import { keeps, type Removal } from './world.ts'

export interface CarryOut extends Observed {
  readonly repositories: Observed['repositories'] & { remove(app: string): Promise<void> }
}

/** Returns the bytes that it freed. Throws `conflict` when somebody else still needs it. */
export async function carryOut({ store, engine, repositories, logs }: CarryOut, removal: Removal): Promise<number> {
  switch (removal.kind) {
    case 'releases':
      await store.releases.forget(removal.app, removal.versions)
      return 0
    case 'image':
      await engine.removeImage(removal.name)
      if (removal.app !== null) await store.releases.forgetImage(removal.app, removal.image)
      return removal.bytes
    case 'container':
      await engine.removeContainer(removal.id)
      return 0
    case 'network':
      await engine.removeNetwork(removal.name)
      return 0
    case 'repository':
      await repositories.remove(removal.id)
      return 0
    case 'jobs':
      await removeLogs(logs, await store.jobs.forget(removal.ids))
      return 0
    case 'logs':
      await removeLogs(logs, removal.ids)
      return 0
    case 'audit':
      await store.audit.expire(keeps.audit, auditBefore())
      return 0
    case 'cache':
      // The engine counts what an image still holds as well.
      return Math.min(removal.bytes, await engine.pruneBuildCache(removal.keep))
  }
}

async function removeLogs(folder: string, ids: readonly number[]): Promise<void> {
  for (const id of ids) {
    await rm(stepsPath(folder, id), { force: true })
    await rm(logPath(folder, id), { force: true })
  }
}
