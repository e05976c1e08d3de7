/** run, enter: terminal sessions. */
import { z } from 'zod'
import { terminalCommand } from './command.ts'
import { app } from './fields.ts'

const words = z
  .array(z.string())
  .min(1, 'Type the command to run.')
  .meta({ description: 'the command and its arguments' })

export const run = [
  terminalCommand({
    name: 'run',
    summary: 'Run a command in a fresh container of the app',
    access: 'app:write',
    kind: 'terminal',
    args: z.object({ app, command: words }),
    positional: ['app', 'command'],
    verbatim: true,
    secret: ['command'],
    examples: ['run blog node --version', 'run blog bash'],
    open: async ({ app: name, command }, context, { store, pipeline, oneOff }) => {
      const found = await store.apps.get(name)
      const release = await pipeline.serving(found)
      return oneOff.run(found, release, { command, tty: context.tty })
    },
  }),
  terminalCommand({
    name: 'enter',
    summary: 'Open a shell, or run a command, in a running container',
    access: 'app:write',
    kind: 'terminal',
    args: z.object({
      app,
      container: z.string().default('web.1').meta({ description: 'web.1, worker.2 …' }),
      command: z.array(z.string()).default(['/bin/sh']).meta({ description: 'the command and its arguments' }),
    }),
    positional: ['app', 'container', 'command'],
    verbatim: true,
    secret: ['command'],
    examples: ['enter blog', 'enter blog worker.1 ps aux'],
    open: async ({ app: name, container, command }, context, { store, oneOff }) =>
      oneOff.enter(await store.apps.get(name), container, { command, tty: context.tty }),
  }),
]
