/** What is to be backed up by itself, and has no good backup of late. */
import { type Backup, type BackupSchedule, dueAfter, intervalLength } from '../../domain/backup.ts'
import { check } from '../check.ts'

export interface BackupFacts {
  readonly late: readonly {
    readonly subject: string
    /** Since the last good one, or since it was scheduled. */
    readonly hours: number
    readonly ever: boolean
    /** Of the last try. */
    readonly problem: string | null
  }[]
}

export const backups = check<BackupFacts>({
  name: 'backups',
  about: 'The backups',
  needs: ['store'],
  remedy: (commands) => commands.restart('rqlite'),
  async probe({ store, now }) {
    const [schedules, made] = await Promise.all([store.schedules.list(), store.backups.list()])
    return { late: schedules.flatMap((schedule) => lateness(schedule, made, now())) }
  },
  judge: ({ late }, commands) =>
    late.map(({ subject, hours, ever, problem }) => {
      const since = ever
        ? `no good backup for ${Math.floor(hours)} h`
        : 'no good backup at all, in spite of its schedule'
      const why = problem === null ? '' : ` The last try: ${problem}`
      return {
        severity: 'error',
        problem: `${subject} has ${since}.${why}`,
        fix: commands.kernel(`backups:capture ${subject}`),
      }
    }),
})

/** Late is what missed one whole time. Newest first. */
function lateness(schedule: BackupSchedule, made: readonly Backup[], now: number): BackupFacts['late'] {
  const { kind, subject, createdAt, every } = schedule
  const own = made.filter((one) => one.kind === kind && one.subject === subject)
  const good = own.find(({ state }) => state === 'verified')
  const since = good === undefined || good.createdAt < createdAt ? createdAt : good.createdAt
  const due = dueAfter(schedule, new Date(since))
  if (now < due.getTime() + intervalLength[every]) return []
  const last = own[0]
  return [
    {
      subject,
      hours: (now - Date.parse(good?.createdAt ?? createdAt)) / 3_600_000,
      ever: good !== undefined,
      problem: last === good ? null : (last?.problem ?? null),
    },
  ]
}
