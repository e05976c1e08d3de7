/** The end of an app's containers: for a while (`stop`), or for good (`destroy`). */
import type { App } from '../domain/app.ts'
import type { RunningJob } from '../jobs/queue.ts'
import { appNetwork } from '../network/subnets.ts'
import type { Acting } from './acting.ts'
import { follow, insist } from './decided.ts'
import { releaseFolders } from './folders.ts'
import { operations } from './plan.ts'

export async function stop(acting: Acting, app: App, job: RunningJob): Promise<void> {
  const { parts } = acting
  await parts.traffic.ready()
  job.commit()
  try {
    await insist(job, () => parts.store.apps.setStopped(app.id, true))
    const { left } = await follow(acting, 'stop', app, { wanted: [], starts: [] }, job)
    await left
  } finally {
    acting.again(app.id)
  }
}

/** Nothing drains: whoever destroys an app does not wait for its visitors. */
export async function destroy(acting: Acting, app: App, job: RunningJob): Promise<void> {
  const { parts, readiness, retirement, states, targets } = acting
  // A kernel that dies in the middle must not start again what is half gone.
  await parts.store.apps.setStopped(app.id, true)
  await targets.refresh(app.id)
  const containers = await parts.engine.list(app.id)
  const retires = containers.filter(({ id }) => !retirement.underWay(id))
  const oneOff = (await parts.engine.listOneOff()).filter((one) => one.app === app.id)
  await Promise.all([...containers, ...oneOff].map(({ id }) => parts.engine.remove(id)))
  await removeNetwork(acting, app.id)
  await releaseFolders(acting, app.id, [])
  for (const { id } of containers) readiness.forget(id)
  targets.forget(app.id)
  states.forget(app.id)
  for (const operation of operations('destroy', app, { starts: [], retires })) job.did(operation)
}

/** What was left of an app that the store does not know (any more). */
export async function vanish(acting: Acting, app: string): Promise<void> {
  const { parts, readiness, states, targets } = acting
  const left = await parts.engine.list(app)
  await Promise.all(left.map(({ id }) => parts.engine.remove(id)))
  for (const { id } of left) readiness.forget(id)
  if (left.length > 0) await removeNetwork(acting, app)
  await releaseFolders(acting, app, [])
  targets.forget(app)
  states.forget(app)
}

async function removeNetwork({ parts }: Acting, app: string): Promise<void> {
  await parts.engine.removeNetwork(appNetwork(parts.pool, parts.system, app, 0).name)
}
