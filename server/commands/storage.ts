/** storage:mount, the one word of Dokku's that is no other name of a volumes:* */
import { z } from 'zod'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { app, change, changeText, dryRun, subject } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { path, usable } from './volumes-attach.ts'

export const storage = [
  command({
    name: 'storage:mount',
    summary: 'Attach a volume to an app at a path, as Dokku says it: storage:mount blog uploads:/data',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, mount: z.string().meta({ description: 'VOLUME:/path, or DIRECTORY:/path' }), dryRun }),
    positional: ['app', 'mount'],
    result: change,
    run: async ({ app, mount, dryRun }, context, kernel) => {
      const [, what = '', at = ''] = /^([^:]+):([^:]+)$/.exec(mount) ?? []
      const checkedPath = path.safeParse(at)
      if (!checkedPath.success || at === '')
        throw new UserError('usage', checkedPath.error?.issues[0]?.message ?? 'Say what and where: uploads:/data')
      const name = what.startsWith('/') ? await nameOfDirectory(what, kernel) : what
      const found = await usable(name, context, kernel)
      const [subjected, by] = await subject(app, context, kernel)
      const wanted = { name: found.name, path: at, readOnly: false, exclusive: false, process: null }
      return kernel.pipeline.attachVolume(subjected, found, wanted, by, dryRun)
    },
    text: changeText,
  }),
]

async function nameOfDirectory(path: string, { store }: Kernel): Promise<string> {
  const found = (await store.volumes.list()).find((one) => one.path === path)
  if (found) return found.name
  throw new UserError(
    'not-found',
    `${path} is no volume yet.`,
    `An admin makes it one: volumes:create NAME --path ${path}`,
  )
}
