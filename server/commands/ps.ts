/** ps:* */
import { z } from 'zod'
import { type ProcessScale, scaleOf } from '../domain/app.ts'
import { runningTypes, shownCommand } from '../domain/release.ts'
import { UserError } from '../errors.ts'
import type { Context } from './command.ts'
import { command } from './command.ts'
import { app, change, changeText, dryRun, ofTypes, subject } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { table } from './text.ts'

const processes = z.array(
  z.object({ type: z.string(), wanted: z.number(), running: z.number(), memory: z.number(), command: z.string() }),
)

async function report(name: string, { store, live }: Kernel) {
  const found = await store.apps.get(name)
  const release = found.release === null ? null : await store.releases.get(found.id, found.release)
  const [formation, states] = await Promise.all([store.formations.get(found.id), live.apps()])
  const types = new Set([...(release ? runningTypes(release) : []), ...Object.keys(formation)])
  return {
    app: found.name,
    release: found.release,
    stopped: found.stopped,
    processes: [...types].map((type) => ({
      type,
      wanted: scaleOf(formation, type).quantity,
      running: states[found.id]?.processes[type]?.running ?? 0,
      memory: scaleOf(formation, type).memory,
      command: release?.processes[type] ? shownCommand(release.processes[type]) : 'not in this release',
    })),
  }
}

/** Types that the release does not have are a slip, unless nothing was pushed yet. */
async function checkTypes(name: string, types: readonly string[], { store }: Kernel): Promise<void> {
  const found = await store.apps.get(name)
  const release = found.release === null ? null : await store.releases.get(found.id, found.release)
  for (const type of types) {
    if (!release || Object.hasOwn(release.processes, type)) continue
    throw new UserError(
      'not-found',
      `${name} has no process type ${type}.`,
      `It has ${runningTypes(release).join(', ')}; a Procfile adds others.`,
    )
  }
}

async function rescale(
  name: string,
  scales: Record<string, Partial<ProcessScale>>,
  dryRun: boolean,
  context: Context,
  kernel: Kernel,
) {
  await checkTypes(name, Object.keys(scales), kernel)
  const [found, by] = await subject(name, context, kernel)
  return kernel.pipeline.scale(found, scales, by, dryRun)
}

function quantity(type: string, text: string): Partial<ProcessScale> {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 100) throw new UserError('usage', `${type}=${text} is not a number from 0 to 100.`)
  return { quantity: value }
}

function memory(type: string, text: string): Partial<ProcessScale> {
  const found = /^(\d+)\s*(m|mb|mib|g|gb|gib)?$/i.exec(text)
  const value = found ? Number(found[1]) * (/^g/i.test(found[2] ?? '') ? 1024 : 1) : 0
  if (value < 16 || value > 1024 * 1024)
    throw new UserError('usage', `${type}=${text} is not a memory limit; type one such as ${type}=512M or ${type}=2G.`)
  return { memory: value }
}

export const ps = [
  command({
    name: 'ps:report',
    summary: 'Show the processes of an app',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app }),
    positional: ['app'],
    aliases: [{ name: 'ps' }],
    result: z.object({ app: z.string(), release: z.number().nullable(), stopped: z.boolean(), processes }),
    run: ({ app }, _context, kernel) => report(app, kernel),
    text: (one) => [
      one.stopped
        ? `${one.app} is stopped.`
        : one.release === null
          ? `${one.app} has no release yet.`
          : `${one.app} runs v${one.release}.`,
      ...table(
        ['process', 'running', 'memory', 'command'],
        one.processes.map((p) => [
          p.type,
          `${p.running} of ${one.stopped ? 0 : p.wanted}`,
          `${p.memory} MiB`,
          p.command,
        ]),
        'It has no processes.',
      ),
    ],
  }),
  command({
    name: 'ps:scale',
    summary: 'Set how many of each process type run, or show it',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, scales: ofTypes.optional(), dryRun }),
    positional: ['app', 'scales'],
    aliases: [{ name: 'scale' }],
    result: z.union([change, z.object({ processes })]),
    examples: ['ps:scale blog web=3 worker=1'],
    run: async ({ app, scales, dryRun }, context, kernel) => {
      if (!scales) return { processes: (await report(app, kernel)).processes }
      return rescale(
        app,
        Object.fromEntries(Object.entries(scales).map(([type, text]) => [type, quantity(type, text)])),
        dryRun,
        context,
        kernel,
      )
    },
    text: (done) =>
      'processes' in done
        ? table(
            ['process', 'scale'],
            done.processes.map((p) => [p.type, String(p.wanted)]),
            'It has no processes.',
          )
        : changeText(done),
  }),
  command({
    name: 'ps:limit',
    summary: 'Set the memory limit of a process type’s containers',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, limits: ofTypes, dryRun }),
    positional: ['app', 'limits'],
    aliases: [{ name: 'resource:limit' }],
    result: change,
    examples: ['ps:limit blog web=1G worker=256M'],
    run: ({ app, limits, dryRun }, context, kernel) =>
      rescale(
        app,
        Object.fromEntries(Object.entries(limits).map(([type, text]) => [type, memory(type, text)])),
        dryRun,
        context,
        kernel,
      ),
    text: changeText,
  }),
  command({
    name: 'ps:restart',
    summary: 'Replace all containers of an app by fresh ones, without a gap',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, dryRun }),
    positional: ['app'],
    aliases: [{ name: 'restart' }],
    result: change,
    run: async ({ app, dryRun }, context, kernel) => {
      const [found, by] = await subject(app, context, kernel)
      if (found.stopped) throw new UserError('conflict', `${app} is stopped.`, `Start it: ps:start ${app}`)
      return kernel.pipeline.restart(found, by, dryRun)
    },
    text: changeText,
  }),
  command({
    name: 'ps:start',
    summary: 'Start an app that was stopped',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, dryRun }),
    positional: ['app'],
    result: change,
    run: async ({ app, dryRun }, context, kernel) => {
      const [found, by] = await subject(app, context, kernel)
      if (!found.stopped && found.release !== null)
        throw new UserError('conflict', `${app} is not stopped.`, `For fresh containers: ps:restart ${app}`)
      return kernel.pipeline.restart(found, by, dryRun)
    },
    text: changeText,
  }),
  command({
    name: 'ps:stop',
    summary: 'Stop an app; its addresses answer 503 until ps:start or a push',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, dryRun }),
    positional: ['app'],
    result: change,
    run: async ({ app, dryRun }, context, kernel) => {
      const [found, by] = await subject(app, context, kernel)
      return kernel.pipeline.stop(found, by, dryRun)
    },
    text: changeText,
  }),
]
