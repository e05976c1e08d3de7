/** What a group found at `/megapolos` goes after its last container. */
import type { Place } from '../domain/container.ts'
import { folderName } from '../domain/group.ts'
import type { Acting } from './acting.ts'

/** Whoever calls it has the app's turn: nobody is about to start a container that serves. True when nothing is left over. */
export async function releaseFolders(
  { parts: { engine, groups }, oneOffs }: Pick<Acting, 'parts' | 'oneOffs'>,
  app: string,
  wanted: readonly Place[],
): Promise<boolean> {
  const needed = new Set(wanted.map(folderName))
  const idle = groups.of(app).filter((one) => !needed.has(folderName(one)))
  if (idle.length === 0) return true
  const [serving, oneOff] = await Promise.all([engine.list(app), engine.listOneOff()])
  const used = new Set([...serving, ...oneOff].map(folderName))
  const unused = idle.filter((one) => !used.has(folderName(one)) && !oneOffs.has(one))
  for (const one of unused) await groups.release(one)
  const left = new Set(groups.of(app))
  return !unused.some((one) => left.has(one))
}
