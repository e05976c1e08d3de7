/** backups:capture, list, info, verify, restore, download, delete, unlock */
import { z } from 'zod'
import { type Backup, backupFile, backupKinds, restorable, summaryText } from '../domain/backup.ts'
import { bytesText } from '../domain/bytes.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { asker, confirmed, dryRun, pipeTo } from './fields.ts'
import { lostOnes } from './revive.ts'
import { ago, facts, table } from './text.ts'

export const subject = z
  .string()
  .min(1, 'The name of a database or volume may not be empty.')
  .meta({ description: 'name of the database or volume' })
export const kind = z
  .enum(backupKinds, 'It is a database or a volume.')
  .optional()
  .meta({ description: 'database or volume, where both have the name' })
export const to = z.string().optional().meta({ description: 'archive; the only one when left out' })
const id = z
  .string()
  .min(1, 'A backup is named by its eight digits: backups:list')
  .meta({ description: 'its eight digits; or a name, for the newest good one of that' })

const shape = z.object({
  ...{ id: z.string(), kind: z.string(), subject: z.string(), archive: z.string(), state: z.string() },
  ...{ bytes: z.number().nullable(), problem: z.string().nullable(), content: z.string() },
  ...{ createdAt: z.string(), createdBy: z.string(), verifiedAt: z.string().nullable() },
})
const planned = z.object({ planned: z.boolean(), operations: z.array(z.string()), result: z.string() })
type Planned = z.output<typeof planned>

export const backups = [
  command({
    name: 'backups:capture',
    summary: 'Back up a database or volume, restore it beside, and compare: that makes it good',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ name: subject, kind, to }),
    positional: ['name'],
    aliases: [{ name: 'backups:create' }],
    result: shape,
    examples: ['backups:capture blog-db', 'backups:capture uploads --to nas'],
    run: async ({ name, kind, to }, context, { dataBackups }) =>
      shown(await dataBackups.capture({ name, kind }, to, asker(context))),
    text: (one) => [`${one.id}: ${one.subject} is backed up to ${one.archive}, restored and compared. ${one.content}.`],
  }),
  command({
    name: 'backups:list',
    summary: 'List the backups, and what each has proven',
    access: 'app:read',
    kind: 'query',
    args: z.object({ name: subject.optional() }),
    positional: ['name'],
    aliases: [{ name: 'backups' }],
    result: z.object({ backups: z.array(shape.extend({ missing: z.boolean() })), unseen: z.array(z.string()) }),
    run: async ({ name }, _context, { dataBackups }) => {
      const { backups, unseen } = await dataBackups.look()
      const wanted = backups.filter((one) => name === undefined || one.subject === name)
      return { backups: wanted.map((one) => ({ ...shown(one), missing: one.missing })), unseen: [...unseen] }
    },
    text: ({ backups, unseen }) => [
      ...table(
        ['backup', 'of', 'made', 'size', 'archive', 'proof'],
        backups.map((one) => [one.id, one.subject, ago(one.createdAt), sizeText(one), one.archive, proofText(one)]),
        'No backups. Make one: backups:capture NAME',
      ),
      ...unseen.map((sentence) => ` !     ${sentence}`),
    ],
  }),
  command({
    name: 'backups:info',
    summary: 'Show a backup',
    access: 'app:read',
    kind: 'query',
    args: z.object({ backup: id }),
    positional: ['backup'],
    result: shape.extend({ file: z.string() }),
    run: async ({ backup: id }, _context, { dataBackups }) => {
      const one = await dataBackups.find(id)
      return { ...shown(one), file: backupFile(one) }
    },
    text: (one) =>
      facts([
        ['backup', one.id],
        ['of', `${one.kind} ${one.subject}`],
        ['made', `${one.createdAt} by ${one.createdBy}`],
        ['holds', one.content || 'not known yet'],
        ['size', sizeText(one)],
        ['archive', one.archive],
        ['file', one.file],
        ['proof', proofText({ ...one, missing: false })],
      ]),
  }),
  command({
    name: 'backups:verify',
    summary: 'Read a backup back, restore it beside, and compare',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ backup: id }),
    positional: ['backup'],
    result: shape,
    run: async ({ backup: id }, context, { dataBackups }) => shown(await dataBackups.verify(id, asker(context))),
    text: (one) => [`${one.id} is good: restored and compared. ${one.content}.`],
  }),
  command({
    name: 'backups:restore',
    summary: 'Make a database or volume what it was; what is there now is kept under another name',
    access: 'admin',
    kind: 'mutation',
    args: z.object({
      backup: id,
      as: z.string().min(1).optional().meta({ description: 'make a new one of this name, and touch no other' }),
      dryRun,
    }),
    positional: ['backup'],
    result: planned,
    examples: [
      'backups:restore blog-db',
      'backups:restore 1a2b3c4d',
      'backups:restore 1a2b3c4d --as blog-db-of-monday',
    ],
    run: async ({ backup: id, as, dryRun }, context, kernel): Promise<Planned> => {
      const { dataBackups } = kernel
      if (dryRun) return { planned: true, operations: await dataBackups.planRestore(id, as ?? null), result: '' }
      const lost = await lostOnes(kernel)
      const { kind, name, kept } = await dataBackups.restore(id, as ?? null, asker(context))
      const wasLost = lost.some((one) => one.kind === kind && one.name === name)
      const start = wasLost ? ' Start the apps that need it: server:revive' : ''
      const old = kept === null ? start : ` What was there is ${kept} now.`
      return { planned: false, operations: [], result: `${name} is restored.${old}` }
    },
    text: plannedText,
  }),
  command({
    name: 'backups:download',
    summary: 'Write a backup to standard output, encrypted as it lies in the archive',
    access: 'admin',
    kind: 'query',
    reveals: true,
    args: z.object({ backup: id }),
    positional: ['backup'],
    result: z.null(),
    examples: ['backups:download 1a2b3c4d > blog-db.age'],
    run: async ({ backup: id }, context, { dataBackups }) => {
      const write = pipeTo(context, `backups:download ${id} > ${id}.age`)
      for await (const bytes of await dataBackups.download(id, context.signal)) await write(bytes)
      return null
    },
    text: () => [],
  }),
  command({
    name: 'backups:delete',
    summary: 'Delete a backup from its archive',
    access: 'admin',
    kind: 'mutation',
    args: z.object({
      backup: id,
      confirm: z.string().optional().meta({ description: 'its eight digits again' }),
      dryRun,
    }),
    positional: ['backup'],
    aliases: [{ name: 'backups:remove' }, { name: 'backups:destroy' }],
    result: planned,
    run: async ({ backup: id, confirm, dryRun }, _context, { dataBackups }): Promise<Planned> => {
      const one = await dataBackups.find(id)
      const operations = [`delete ${backupFile(one)} from ${one.archive}`]
      if (dryRun) return { planned: true, operations, result: '' }
      confirmed(one.id, confirm, `backups:delete ${one.id}`)
      await dataBackups.delete(one.id)
      return { planned: false, operations: [], result: `${one.id} is deleted.` }
    },
    text: plannedText,
  }),
  command({
    name: 'backups:unlock',
    summary: 'Open the backups of another server: its encryption key comes on standard input',
    access: 'admin',
    kind: 'mutation',
    input: 'the encryption key of the server that made the backups',
    args: z.object({}),
    positional: [],
    result: z.null(),
    examples: ['backups:unlock < old-server.key'],
    run: async (_args, context, { store }) => {
      const key = context.input.trim()
      if (Buffer.from(key, 'base64').length !== 32 || Buffer.from(key, 'base64').toString('base64') !== key) {
        const hint = 'It has 44 characters and ends with an equals sign; it was shown when that server was installed.'
        throw new UserError('usage', 'That is not an encryption key.', hint)
      }
      await store.backups.addKey(key)
      return null
    },
    text: () => ['Backups of that server open here from now on. See them: backups:list'],
  }),
]

function shown(one: Backup): z.output<typeof shape> {
  const { id, kind, subject, archive, state, bytes, problem, createdAt, createdBy, verifiedAt } = one
  const content = summaryText(one)
  return { id, kind, subject, archive, state, bytes, problem, content, createdAt, createdBy, verifiedAt }
}

function sizeText({ bytes }: Pick<Backup, 'bytes'>): string {
  return bytes === null || bytes === 0 ? '-' : bytesText(bytes)
}

type Shown = z.output<typeof shape> & { readonly missing: boolean }

function proofText({ state, problem, content, verifiedAt, missing }: Shown): string {
  if (missing && restorable({ state: state as Backup['state'] })) return 'NOT THERE: the archive has no such file'
  if (state === 'verified') return `restored and compared ${ago(verifiedAt)}, ${content}`
  if (state === 'bad') return `NOT GOOD: ${problem}`
  return state === 'stored' ? 'not restored yet: backups:verify' : `${state}${problem ? `: ${problem}` : ''}`
}

function plannedText({ planned, operations, result }: Planned): string[] {
  return planned ? ['Would do:', ...operations.map((operation) => `  ${operation}`)] : [result]
}
