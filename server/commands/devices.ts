/** devices:* */
import { z } from 'zod'
import type { DeviceState } from '../devices/devices.ts'
import { type Device, scratchPrefix } from '../domain/device.ts'
import type { RunningJob } from '../jobs/queue.ts'
import type { Context } from './command.ts'
import { command } from './command.ts'
import { parseEnvFile } from './env-file.ts'
import { asker, changeText, confirmed, dryRun } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { ago, facts, table } from './text.ts'

const device = z.string().min(1, 'The name of a device may not be empty.').meta({ description: 'name of the device' })
const driver = z.string().min(1, 'The name of a driver may not be empty.').meta({ description: 'name of the driver' })
const newName = z
  .string()
  .regex(
    /^(?!.*--)[a-z][a-z0-9-]{0,28}[a-z0-9]$|^[a-z]$/,
    'A device’s name has lower-case letters, digits and single hyphens, at most 30; a letter first.',
  )
  .refine((name) => !name.startsWith(scratchPrefix), `Only drivers:test calls a device ${scratchPrefix}….`)
  .meta({ description: 'name of the device; that of its driver when left out' })
const memory = z
  .string()
  .regex(/^\d+$/, 'The memory of a device is a number of MiB, such as 512.')
  .transform(Number)
  .refine((value) => value >= 64 && value <= 1024 * 1024, 'A device needs 64 MiB at least.')
  .meta({ description: 'MiB; 512 when left out' })
const settings = z
  .array(z.string())
  .transform((words, context) => {
    const wrong = words.find((word) => !/^[a-z][a-z0-9-]*=/.test(word))
    if (wrong === undefined) return Object.fromEntries(words.map(pairOf))
    context.addIssue({
      code: 'custom',
      message: `“${wrong.slice(0, 60)}” is no setting; type one such as host=db.example.com.`,
    })
    return z.NEVER
  })
  .default({})
  .meta({ description: 'key=value' })

const shown = {
  ...{ name: z.string(), class: z.string(), driver: z.string(), node: z.string() },
  ...{ as: z.string(), version: z.string().nullable(), state: z.string() },
}
const info = z.object({
  ...shown,
  createdAt: z.string(),
  settings: z.record(z.string(), z.union([z.string(), z.number()])),
  endpoints: z.array(z.object({ name: z.string(), address: z.string() })),
  users: z.array(z.string()),
})
const outcome = z.object({
  device: z.string(),
  planned: z.boolean(),
  operations: z.array(z.string()),
  result: z.string(),
})

function outcomeText({ device: app, ...rest }: z.output<typeof outcome>): string[] {
  return changeText({ ...rest, app, release: null })
}

export const devices = [
  command({
    name: 'devices:list',
    summary: 'List the devices: installed server software, and its driver',
    access: 'app:read',
    kind: 'query',
    args: z.object({}),
    positional: [],
    aliases: [{ name: 'devices' }],
    result: z.array(z.object(shown)),
    run: async (_args, _context, { devices }) => devices.list(),
    text: (list) =>
      table(
        ['device', 'class', 'driver', 'version', 'as', 'node', 'state'],
        list.map((one) => [one.name, one.class, one.driver, one.version ?? '-', one.as, one.node, one.state]),
        'No devices.',
      ),
  }),
  command({
    name: 'devices:info',
    summary: 'Show a device: how it is, where apps reach it, and who uses it',
    access: 'app:read',
    kind: 'query',
    args: z.object({ device }),
    positional: ['device'],
    result: info,
    run: async ({ device }, _context, { devices, lifecycle }) => {
      const [found, { endpoints, users }] = await Promise.all([devices.info(device), lifecycle.details(device)])
      const addresses = endpoints.map(({ name, host, port }) => ({ name, address: `${host}:${port}` }))
      return { ...found, settings: { ...found.settings }, endpoints: addresses, users: [...users] }
    },
    text: (one) =>
      facts([
        ['device', `${one.name} (${one.class})`],
        ['driver', one.driver],
        ['installed', `${one.as}, ${ago(one.createdAt)}`],
        ['version', one.version ?? '-'],
        ['node', one.node],
        ...Object.entries(one.settings).map(([name, value]): [string, string] => [name, String(value)]),
        ...one.endpoints.map(({ name, address }): [string, string] => [`at (${name})`, address]),
        ['used by', one.users.join(', ') || 'nobody'],
        ['state', one.state],
      ]),
  }),
  command({
    name: 'devices:install',
    summary: 'Install server software, such as a database, on this node or as a container',
    access: 'admin',
    kind: 'mutation',
    args: z.object({
      driver,
      name: newName.optional(),
      version: z.string().optional().meta({ description: 'major version, such as 17' }),
      as: z.enum(['container', 'node']).optional().meta({ description: 'container or node' }),
      memory: memory.optional(),
      dryRun,
    }),
    positional: ['driver'],
    result: outcome,
    examples: ['devices:install postgres', 'devices:install postgres --name analytics --version 17 --memory 2048'],
    run: async ({ driver, name = null, version = null, as = null, memory = null, dryRun }, context, kernel) => {
      const wish = { driver, name, version, as, memory }
      const { device, operation } = await kernel.lifecycle.planInstall(wish)
      if (dryRun) return { device, planned: true, operations: [operation], result: '' }
      return changed('devices:install', context, kernel, (job) =>
        kernel.lifecycle.install(wish, (line) => job.emit(line)),
      )
    },
    text: outcomeText,
  }),
  command({
    name: 'devices:adopt',
    summary: 'Take over a server that is there already; what is secret comes on standard input',
    access: 'admin',
    kind: 'mutation',
    input: 'lines of key=value that are secret, or nothing',
    args: z.object({ driver, settings, name: newName.optional() }),
    positional: ['driver', 'settings'],
    secret: ['settings'],
    result: outcome,
    examples: ['devices:adopt postgres --name main host=db.example.com user=admin < secrets'],
    run: async ({ driver, settings, name = null }, context, kernel) => {
      const secrets = parseEnvFile(context.input)
      return changed('devices:adopt', context, kernel, (job) =>
        kernel.lifecycle.adopt({ driver, name, settings, secrets }, (line) => job.emit(line)),
      )
    },
    text: outcomeText,
  }),
  command({
    name: 'devices:remove',
    summary: 'End a device and delete its data; one that was adopted is only forgotten',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ device, confirm: z.string().optional().meta({ description: 'its name again' }), dryRun }),
    positional: ['device'],
    aliases: [{ name: 'devices:uninstall' }, { name: 'devices:destroy' }],
    result: outcome,
    run: async ({ device, confirm, dryRun }, context, kernel) => {
      const operation = await kernel.lifecycle.planRemove(device)
      if (dryRun) return { device, planned: true, operations: [operation], result: '' }
      confirmed(device, confirm, `devices:remove ${device}`)
      const job = { kind: 'devices:remove', app: null, ...asker(context) }
      const result = await kernel.jobs.run(job, async ({ emit, commit }) => {
        commit()
        await kernel.lifecycle.remove(device, emit)
        return { value: `${device} is removed.`, result: `${device} is removed.` }
      })
      kernel.live.wake('devices')
      return { device, planned: false, operations: [], result }
    },
    text: outcomeText,
  }),
  command({
    name: 'devices:restart',
    summary: 'Restart the server of a device',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ device }),
    positional: ['device'],
    result: outcome,
    run: async ({ device }, context, kernel) => {
      context.emit(`Restarting ${device}`)
      await kernel.lifecycle.restart(device)
      return { device, planned: false, operations: [], result: `${device} runs again.` }
    },
    text: outcomeText,
  }),
  command({
    name: 'devices:logs',
    summary: 'Show the last lines that the server of a device wrote',
    access: 'admin',
    kind: 'query',
    args: z.object({
      device,
      num: z
        .string()
        .regex(/^\d{1,5}$/, 'How many lines is a number.')
        .default('100')
        .meta({ description: 'lines' }),
    }),
    positional: ['device'],
    short: { n: 'num' },
    result: z.array(z.string()),
    run: async ({ device, num }, _context, { lifecycle }) => lifecycle.logs(device, Number(num)),
    text: (lines) => (lines.length > 0 ? lines : ['It has written nothing.']),
  }),
]

/** A job that no app waits for: devices wait for each other by name. */
async function changed(
  kind: string,
  context: Context,
  { jobs, live, devices }: Kernel,
  work: (job: RunningJob) => Promise<Device>,
): Promise<z.output<typeof outcome>> {
  const { name, result } = await jobs.run({ kind, app: null, ...asker(context) }, async (job) => {
    // Whoever hangs up leaves it to its end.
    job.commit()
    const { name } = await work(job)
    const result = readyText(await devices.info(name))
    return { value: { name, result }, result }
  })
  live.wake('devices')
  return { device: name, planned: false, operations: [], result }
}

function readyText({ name, driver, class: deviceClass, version }: DeviceState): string {
  if (deviceClass === 'archive') return `${name} is ready for backups.`
  const what = [...(name === driver ? [] : [driver]), ...(version === null ? [] : [`version ${version}`])].join(', ')
  return what === '' ? `${name} is ready.` : `${name} is ready: ${what}.`
}

function pairOf(word: string): [string, string] {
  const at = word.indexOf('=')
  return [word.slice(0, at), word.slice(at + 1)]
}
