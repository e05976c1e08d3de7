/** drivers:* */
import { z } from 'zod'
import type { Proof } from '../devices/suite.ts'
import { driverRepository } from '../domain/device.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { asker } from './fields.ts'
import { isBroken, proofLines, untriedLines, verdictOf } from './proofs.ts'
import { facts, table } from './text.ts'

/** Any word will do; whether there is such a driver is found out. */
const name = z.string().min(1).max(60).meta({ description: 'name of the driver' })

const state = {
  name: z.string(),
  version: z.string(),
  class: z.string(),
  runs: z.string(),
  description: z.string(),
  from: z.string(),
  state: z.string(),
  devices: z.array(z.string()),
}
const details = z.object({
  ...state,
  digest: z.string().nullable(),
  privileges: z.array(z.object({ name: z.string(), meaning: z.string(), granted: z.boolean() })),
  approvedBy: z.string().nullable(),
  approvedAt: z.string().nullable(),
})
type Details = z.output<typeof details>

const origins: Readonly<Record<string, string>> = { program: 'this program', home: 'the drivers folder' }

function detailLines(one: Details): string[] {
  const { digest, privileges } = one
  return [
    ...facts([
      ['driver', `${one.name} ${one.version}: ${one.description}`],
      ['class', one.class],
      [
        'runs',
        one.runs === 'module' ? 'inside the kernel, as trusted code' : 'in a container of its own for each device',
      ],
      ['from', origins[one.from] ?? one.from],
      ['state', one.state],
      ['devices', one.devices.join(', ') || '-'],
      ...(digest ? [['content', digest.slice(0, 12)] as const] : []),
      ...(one.approvedBy ? [['approved', `by ${one.approvedBy}, ${one.approvedAt?.slice(0, 10)}`] as const] : []),
    ]),
    ...privilegeLines(privileges, digest === null ? 'It says that it' : 'It asks for these privileges. It'),
  ]
}

function privilegeLines(privileges: Details['privileges'], begin: string): string[] {
  if (privileges.length === 0) return ['', 'It asks for no privilege.']
  return ['', `${begin}`, ...privileges.map((one) => `  ${one.meaning} (${one.name})`)]
}

const proofs = z.array(
  z.object({ promise: z.string(), outcome: z.enum(['kept', 'broken', 'untried']), why: z.string().nullable() }),
)
const tried = z.object({ name: z.string(), proofs, rest: z.string().nullable() })
export const drivers = [
  command({
    name: 'drivers:list',
    summary: 'List the drivers: the kinds of server software that devices can be',
    access: 'app:read',
    kind: 'query',
    args: z.object({}),
    positional: [],
    aliases: [{ name: 'drivers' }],
    result: z.object({
      drivers: z.array(z.object(state)),
      broken: z.array(z.object({ folder: z.string(), problem: z.string() })),
    }),
    run: async (_args, _context, { drivers }) => drivers.list(),
    text: ({ drivers, broken }) =>
      table(
        ['driver', 'version', 'class', 'runs', 'devices', 'state'],
        [
          ...drivers.map((one) => [
            ...[one.name, one.version, one.class, one.runs],
            ...[one.devices.join(', ') || '-', one.state],
          ]),
          ...broken.map(({ folder, problem }) => [folder, '-', '-', '-', '-', problem]),
        ],
        'No drivers.',
      ),
  }),
  command({
    name: 'drivers:info',
    summary: 'Show a driver: what it may do, who allowed it, which devices it manages',
    access: 'app:read',
    kind: 'query',
    args: z.object({ name }),
    positional: ['name'],
    result: details,
    run: async ({ name }, _context, { drivers }) => drivers.info(name),
    text: detailLines,
  }),
  command({
    name: 'drivers:approve',
    summary: 'Grant a driver the privileges that it asks for, for exactly what its folder holds now',
    access: 'admin',
    kind: 'mutation',
    args: z.object({
      name,
      content: z
        .string()
        .regex(/^[0-9a-f]{8,64}$/, 'The content is named by at least 8 digits of drivers:info.')
        .optional()
        .meta({ description: 'only if its content is still this one, as drivers:info names it' }),
      dryRun: z.boolean().default(false).meta({ description: 'print what would be granted, and do nothing' }),
    }),
    positional: ['name'],
    examples: ['drivers:approve memcached --dry-run', 'drivers:approve memcached'],
    result: z.object({ ...details.shape, planned: z.boolean() }),
    run: async ({ name, content, dryRun }, { actor }, { drivers }) => {
      const done = dryRun ? await drivers.info(name) : await drivers.approve(name, actor.name, content)
      return { ...done, planned: dryRun }
    },
    text: ({ planned, ...one }) => [
      planned ? `Would approve ${one.name} ${one.version}.` : `Approved ${one.name} ${one.version}.`,
      ...privilegeLines(one.privileges, planned ? 'From then on it' : 'From now on it'),
      '',
      `This holds for its content ${one.digest?.slice(0, 12) ?? ''}; when that changes, it waits for another approval.`,
    ],
  }),
  command({
    name: 'drivers:test',
    summary: 'Try every promise that a driver makes, on a device of its own that is removed afterwards',
    access: 'admin',
    kind: 'mutation',
    args: z.object({
      name,
      as: z.enum(['container', 'node']).optional().meta({ description: 'how its server is installed for that' }),
      on: z.string().optional().meta({ description: 'an archive that is there, to try its driver on' }),
    }),
    positional: ['name'],
    examples: ['drivers:test memcached', 'drivers:test postgres --as node', 'drivers:test sftp --on offsite'],
    result: tried,
    run: async ({ name, as = null, on = null }, context, { jobs, driverTests }) =>
      jobs.run({ kind: 'drivers:test', app: null, ...asker(context) }, async ({ emit, signal }) => {
        const proofs: Proof[] = []
        const proof = (one: Proof) => {
          proofs.push(one)
          for (const line of proofLines(one)) emit(line)
        }
        const rest = await driverTests.test({ driver: name, as, on }, { proof, progress: emit }, signal)
        const value = { name, proofs, rest }
        return { value, result: verdictOf(value) }
      }),
    text: (one) => [...untriedLines(one.proofs), '', verdictOf(one), ...(one.rest === null ? [] : [one.rest])],
    unwell: (one) => (one.proofs.some(isBroken) ? new UserError('refused', verdictOf(one)) : null),
  }),
  command({
    name: 'drivers:remove',
    summary: 'Remove a driver that was added, unless a device uses it',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ name }),
    positional: ['name'],
    result: z.object({ name: z.string() }),
    run: async ({ name }, _context, { drivers, repositories }) => {
      await drivers.remove(name)
      await repositories.remove(driverRepository(name))
      return { name }
    },
    text: ({ name }) => [`Removed the driver ${name}.`],
  }),
]
