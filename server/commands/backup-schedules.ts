/** backups:schedule, schedules, unschedule */
import { z } from 'zod'
import { backupIntervals, dueAfter } from '../domain/backup.ts'
import { UserError } from '../errors.ts'
import { kind, subject, to } from './backups.ts'
import { command } from './command.ts'
import { ago, table } from './text.ts'

const schedule = z.object({
  ...{ kind: z.string(), subject: z.string(), archive: z.string(), every: z.string(), at: z.string() },
  ...{ keep: z.number(), next: z.string(), lastAt: z.string().nullable() },
})

export const backupSchedules = [
  command({
    name: 'backups:schedule',
    summary: 'Back up a database or volume again and again, and keep the newest good ones',
    access: 'admin',
    kind: 'mutation',
    args: z.object({
      name: subject,
      kind,
      to,
      every: z
        .enum(backupIntervals, `It is made every ${backupIntervals.join(', ')}.`)
        .default('day')
        .meta({ description: 'hour, day or week (on Sunday)' }),
      at: z
        .string()
        .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'A time of day is such as 02:00, in UTC.')
        .default('02:00')
        .meta({ description: 'time of day in UTC, such as 02:00' }),
      keep: z.coerce
        .number('How many stay is a number.')
        .int()
        .min(1, 'One stays at least.')
        .max(1000, 'At most 1000 stay.')
        .default(7)
        .meta({ description: 'how many good ones stay' }),
    }),
    positional: ['name'],
    result: schedule,
    examples: ['backups:schedule blog-db --at 02:00', 'backups:schedule uploads --every week --keep 4 --to nas'],
    run: async ({ name, kind, to, every, at, keep }, context, { store, dataBackups }) => {
      const found = await dataBackups.resolve({ name, kind })
      const archive = await dataBackups.archive(to, { kind: found.kind, subject: name })
      const row = {
        ...{ kind: found.kind, subject: name, archive, every, at, keep },
        ...{ createdAt: new Date().toISOString(), createdBy: context.actor.name },
      }
      await store.schedules.set(row)
      return { ...row, lastAt: null, next: dueAfter(row, new Date()).toISOString() }
    },
    text: (one) => [
      `${one.subject} is backed up to ${one.archive} every ${one.every}; the newest ${one.keep} good ones stay. Next: ${one.next}`,
    ],
  }),
  command({
    name: 'backups:schedules',
    summary: 'List what is backed up by itself, and when',
    access: 'app:read',
    kind: 'query',
    args: z.object({}),
    positional: [],
    result: z.array(schedule),
    run: async (_args, _context, { store }) =>
      (await store.schedules.list()).map(({ createdAt, createdBy: _, ...one }) => ({
        ...one,
        next: dueAfter(one, new Date(one.lastAt ?? createdAt)).toISOString(),
      })),
    text: (list) =>
      table(
        ['of', 'every', 'at (UTC)', 'keep', 'archive', 'last good', 'next'],
        list.map((one) => [
          one.subject,
          one.every,
          one.at,
          String(one.keep),
          one.archive,
          one.lastAt === null ? 'none yet' : ago(one.lastAt),
          one.next <= new Date().toISOString() ? 'due' : one.next,
        ]),
        'Nothing is backed up by itself. backups:schedule NAME',
      ),
  }),
  command({
    name: 'backups:unschedule',
    summary: 'Stop backing up a database or volume by itself; its backups stay',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ name: subject, kind }),
    positional: ['name'],
    result: z.object({ name: z.string() }),
    run: async ({ name, kind }, _context, { store }) => {
      const found = (await store.schedules.list()).filter(
        (one) => one.subject === name && (kind ?? one.kind) === one.kind,
      )
      const [one, other] = found
      if (!one) throw new UserError('not-found', `There is no schedule of ${name}.`, 'See them: backups:schedules')
      if (other)
        throw new UserError('usage', `There are schedules of a database and a volume ${name}.`, '--kind database')
      await store.schedules.remove(one.kind, name)
      return { name }
    },
    text: ({ name }) => [`${name} is not backed up by itself any more. Its backups stay: backups:list ${name}`],
  }),
]
