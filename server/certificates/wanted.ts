/** The names that are to have a certificate by themselves. */
import { isPublic } from '../domain/certificate.ts'
import { holders, ownHosts } from '../domain/route.ts'
import type { Store } from '../state/store.ts'

export interface Wanted {
  readonly host: string
  /** Id of the app that has it; null: the server itself. */
  readonly app: string | null
}

/** Every public name of the apps that do not do without, and those of the server itself. */
export async function wantedNames({
  domains,
  certificates,
}: Pick<Store, 'domains' | 'certificates'>): Promise<Wanted[]> {
  const [list, global, without] = await Promise.all([domains.list(), domains.global(), certificates.without()])
  const theirs = holders(list)
  const own = ownHosts(global).filter((host) => !theirs.has(host))
  return [
    ...own.map((host) => ({ host, app: null })),
    ...[...theirs].map(([host, app]) => ({ host, app })).filter(({ app }) => !without.includes(app)),
  ].filter(({ host }) => isPublic(host))
}
