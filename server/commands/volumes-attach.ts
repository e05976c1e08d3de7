/** volumes:attach and volumes:detach */
import { z } from 'zod'
import { isProcessType } from '../domain/app.ts'
import { runningTypes } from '../domain/release.ts'
import { containerPathProblem, mountNameProblem, type Volume } from '../domain/volume.ts'
import { UserError } from '../errors.ts'
import { type Context, command } from './command.ts'
import { app, change, changeText, dryRun, ruled, subject, volume } from './fields.ts'
import type { Kernel } from './kernel.ts'

const as = ruled('No app can know a volume as', mountNameProblem).optional()
export const path = ruled('No volume can be at', containerPathProblem).optional()

export const volumesAttach = [
  command({
    name: 'volumes:attach',
    summary: 'Attach a volume to an app while it runs, at /megapolos/<name>',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({
      app,
      volume,
      as: as.meta({ description: 'another name below /megapolos than its own' }),
      path: path.meta({ description: 'a path of its own instead, such as /data; starts fresh containers' }),
      readOnly: z.boolean().default(false).meta({ description: 'nothing can be written or changed in it' }),
      exclusive: z.boolean().default(false).meta({ description: 'one container writes, and never a second' }),
      process: z.string().optional().meta({ description: 'the only process type that gets it' }),
      dryRun,
    }),
    positional: ['app', 'volume'],
    result: change,
    examples: ['volumes:attach blog uploads', 'volumes:attach blog uploads --as files --read-only --process worker'],
    run: async ({ app, volume, as, path, readOnly, exclusive, process, dryRun }, context, kernel) => {
      if (readOnly && exclusive)
        throw new UserError('usage', 'Who only reads needs nothing for itself: --read-only or --exclusive, not both.')
      await checkType(app, process, kernel)
      const found = await usable(volume, context, kernel)
      const [subjected, by] = await subject(app, context, kernel)
      const type = process ?? (exclusive ? 'web' : null)
      const wanted = { name: as ?? found.name, path: path ?? null, readOnly, exclusive, process: type }
      return kernel.pipeline.attachVolume(subjected, found, wanted, by, dryRun)
    },
    text: changeText,
  }),
  command({
    name: 'volumes:detach',
    summary: 'Take a volume away from an app while it runs',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({
      app,
      volume,
      lazy: z.boolean().default(false).meta({ description: 'also while it is in use: what is open goes on' }),
      dryRun,
    }),
    positional: ['app', 'volume'],
    aliases: [{ name: 'storage:unmount' }],
    result: change,
    run: async ({ app, volume, lazy, dryRun }, context, kernel) => {
      const found = await kernel.store.volumes.get(volume)
      const [subjected, by] = await subject(app, context, kernel)
      return kernel.pipeline.detachVolume(subjected, found, lazy, by, dryRun)
    },
    text: changeText,
  }),
]

/** Whoever is held to some apps may only hand round what one of them has already. */
export async function usable(name: string, { actor }: Context, { store }: Kernel): Promise<Volume> {
  const found = await store.volumes.get(name)
  if (!actor.apps) return found
  const owners = (await store.volumes.attachments({ volume: found.id })).map((row) => row.app)
  if (owners.length > 0 && owners.every((id) => actor.apps?.includes(id))) return found
  throw new UserError('forbidden', `The token ${actor.name} is not for the volume ${name}.`)
}

async function checkType(name: string, type: string | undefined, { store }: Kernel): Promise<void> {
  if (type === undefined) return
  const found = await store.apps.get(name)
  const release = found.release === null ? null : await store.releases.get(found.id, found.release)
  if (isProcessType(type) && (!release || Object.hasOwn(release.processes, type))) return
  const hint = release ? `It has ${runningTypes(release).join(', ')}.` : undefined
  throw new UserError('not-found', `${name} has no process type ${type.slice(0, 60)}.`, hint)
}
