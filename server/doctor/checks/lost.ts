/** What a restored server knows of and has no content of yet: apps that need it do not start. */
import { check } from '../check.ts'

/** A phrase each: `the database blog-db`. */
export type LostFacts = readonly string[]

export const lost = check<LostFacts>({
  name: 'lost',
  about: 'The content of databases and volumes',
  needs: ['store'],
  remedy: (commands) => commands.restart('rqlite'),
  async probe({ store }) {
    const [databases, volumes] = await Promise.all([store.databases.list(), store.volumes.list()])
    return [
      ...databases.filter((one) => one.lost).map(({ name }) => `the database ${name}`),
      ...volumes.filter((one) => one.lost).map(({ name }) => `the volume ${name}`),
    ]
  },
  judge: (all, commands) =>
    all.map((what) => ({
      severity: 'error',
      problem: `The content of ${what} is not here since this server was restored; apps that need it do not start.`,
      fix: commands.kernel('backups:restore-all'),
    })),
})
