/** backups:restore-all */
import { z } from 'zod'
import { type Backup, backupFile, restorable } from '../domain/backup.ts'
import { errorLines, told, UserError } from '../errors.ts'
import { type Context, command } from './command.ts'
import { asker, dryRun } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { type Lost, lostOnes, reviveApps, revivedText } from './revive.ts'
import { ago } from './text.ts'

interface Wanted extends Lost {
  /** Newest first. */
  readonly backups: readonly Backup[]
}

export const restoreAll = [
  command({
    name: 'backups:restore-all',
    summary: 'Fill what a restored server lacks from the newest backups, and start its apps',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ dryRun }),
    positional: [],
    result: z.object({ planned: z.boolean(), lines: z.array(z.string()) }),
    run: async ({ dryRun }, context, kernel) => {
      const { wanted, unseen } = await look(kernel)
      const words = unseen.map((sentence) => ` !     ${sentence}`)
      if (wanted.length === 0) return { planned: dryRun, lines: ['Every database and volume has its content.'] }
      if (dryRun) return { planned: true, lines: [...wanted.map(planText), ...words] }
      for (const line of words) context.emit(line)
      const back: string[] = []
      const missing: string[] = []
      for (const one of wanted) {
        const used = await restored(one, context, kernel)
        if (used === null) missing.push(one.name)
        else back.push(`${one.name} is back, as it was ${ago(used.createdAt)} (${used.id}).`)
      }
      const revived = await reviveApps(kernel, context)
      const lines = [...back, ...revivedText(revived)]
      const failed = [...missing, ...revived.failed]
      if (failed.length === 0) return { planned: false, lines }
      for (const line of lines) context.emit(line)
      const hint =
        missing.length > 0 ? 'backups:restore-all' : revived.failed.map((name) => `ps:restart ${name}`).join(', ')
      throw new UserError('refused', `Not back: ${failed.join(', ')}. The reasons are above.`, `Try again: ${hint}`)
    },
    text: ({ planned, lines }) => (planned ? ['Would do:', ...lines.map((line) => `  ${line}`)] : lines),
  }),
]

/** What is lost, and what the archives have of it: also backups that were made after that of the server. */
async function look(kernel: Kernel): Promise<{ wanted: readonly Wanted[]; unseen: readonly string[] }> {
  const lost = await lostOnes(kernel)
  if (lost.length === 0) return { wanted: [], unseen: [] }
  const { backups, unseen } = await kernel.dataBackups.look()
  const there = backups.filter((one) => restorable(one) && one.state !== 'bad' && !one.missing)
  const wanted = lost.map(({ kind, name }) => ({
    ...{ kind, name },
    backups: there.filter((one) => one.kind === kind && one.subject === name),
  }))
  return { wanted, unseen }
}

function planText({ kind, name, backups: [newest] }: Wanted): string {
  if (newest === undefined) return `nothing for the ${kind} ${name}: no archive has a backup of it`
  return `restore the ${kind} ${name} from ${backupFile(newest)} in ${newest.archive}, made ${ago(newest.createdAt)}`
}

/** From the newest that proves itself; null: none did, and why was told. */
async function restored({ kind, name, backups }: Wanted, context: Context, kernel: Kernel): Promise<Backup | null> {
  context.emit(`-----> ${kind} ${name}`)
  if (backups.length === 0) context.emit(' !     No archive has a backup of it. The archives: devices:list')
  for (const backup of backups) {
    try {
      await kernel.dataBackups.restore(backup.id, null, asker(context))
      return backup
    } catch (error) {
      context.signal.throwIfAborted()
      const known = told(error)
      for (const line of errorLines(known)) context.emit(line)
      // The backup itself is not good: an older one may be.
      if (known.code !== 'refused') return null
    }
  }
  return null
}
