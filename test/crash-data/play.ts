/** Plays one cell: the change comes to its step, the victim is killed, and what must hold is looked at. */
import { until } from '../crash/cell.ts'
import type { InSystem } from '../in-system.ts'
import { type LoadReport, startLoad } from '../load.ts'
import { stored } from '../stored.ts'
import { disagreements } from './agreement.ts'
import type { Cell } from './cell.ts'
import { app, type Change } from './changes.ts'
import type { Planned } from './table.ts'
import { aim } from './victims.ts'

type Outcome = 'before' | 'after'

interface Told {
  readonly state: string
  readonly result: string | null
}

/** From when until when the app could not be served, in milliseconds since 1970. */
interface Away {
  readonly from: number
  readonly to: number
}

/** What does not hold; nothing when all does. */
export async function play(
  at: InSystem,
  disk: string,
  planned: Planned,
): Promise<{ outcome: Outcome; wrong: string[] }> {
  const { change, expected } = planned
  const before = await change.mark(at)
  const load = startLoad({ port: at.system.httpPort, host: `${app}.localhost`, posts: true, connections: 4 })
  try {
    const jobs = await newestJob(at, change)
    const { cell, away } = await disturb(at, disk, load, planned)
    const { exit, output } = await cell.running.ended
    const left = await settled(at, disk, change.half ?? null)
    const outcome = (await change.mark(at)) === before ? 'before' : 'after'
    return {
      outcome,
      wrong: [
        ...left,
        ...(expected === 'either' || expected === outcome ? [] : [`it is as ${outcome}`]),
        ...wrongWord(planned, outcome, exit, output),
        ...(await wrongJob(at, change, outcome, jobs)),
        ...(await againSucceeds(at, disk, change, outcome)),
        ...lostRequests(await load.stop(), away),
      ],
    }
  } finally {
    await load.stop()
  }
}

/** It is back, and nothing is frozen any more, when this returns. */
async function disturb(at: InSystem, disk: string, load: Cell['load'], { change, step, victim }: Planned) {
  const [{ group } = {}] = await stored(at.system, `SELECT "group" FROM apps WHERE name = '${app}'`)
  const thawBefore = (await step.begin?.(at)) ?? (() => {})
  const target = await aim(victim, at.system)
  const running = at.person.start(['ssh', 'megapolos', ...change.words])
  const cell: Cell = { at, change, disk, load, running, group: String(group) }
  let thaw = thawBefore
  try {
    thaw = await step.reach(cell)
    const from = Date.now()
    target.kill()
    thaw()
    thawBefore()
    await target.isBack()
    // Its clients take a moment to find it again.
    return { cell, away: victim.name === 'server' ? { from, to: Date.now() + 5_000 } : null }
  } finally {
    thaw()
    thawBefore()
  }
}

/** Resolves when all agree; the sentences say what still does not. */
async function settled(at: InSystem, disk: string, half: string | null): Promise<string[]> {
  let left: string[] = ['nobody has looked']
  const quiet = async () => {
    left = await disagreements(at.system, disk, half).catch((error: Error) => [error.message])
    return left.length === 0
  }
  await until('settled', quiet, 90).catch(() => {})
  return left
}

/** Whoever typed it is told how it ended; when the kernel was killed, that it does not answer any more. */
function wrongWord({ victim }: Planned, outcome: Outcome, exit: number, output: string): string[] {
  if (output.trim() === '') return ['nobody was told anything']
  if (victim.name === 'kernel' || (exit === 0) === (outcome === 'after')) return []
  return [`it ended with ${exit}: ${output.trim()}`]
}

async function newestJob({ system }: InSystem, { kind }: Change): Promise<number> {
  const [row] = await stored(system, `SELECT max(id) AS id FROM jobs WHERE kind = '${kind}'`)
  return Number(row?.id ?? 0)
}

/** It says what came of it. Without a job it took no time. */
async function wrongJob({ system }: InSystem, { kind }: Change, outcome: Outcome, after: number): Promise<string[]> {
  const question = `SELECT state, result FROM jobs WHERE kind = '${kind}' AND id > ${after} ORDER BY id`
  const [job] = (await stored(system, question)) as unknown as Told[]
  if (!job) return []
  const ends = outcome === 'after' ? ['succeeded'] : ['failed', 'cancelled', 'interrupted']
  if (ends.includes(job.state) && job.result) return []
  return [`it is as ${outcome}, and the job is ${job.state}: ${job.result}`]
}

async function againSucceeds(at: InSystem, disk: string, change: Change, outcome: Outcome): Promise<string[]> {
  if (outcome === 'after') await change.undo(at)
  const before = await change.mark(at)
  const { exit, output } = await at.person.run(['ssh', 'megapolos', ...change.words])
  if (exit !== 0) return [`the same again ended with ${exit}: ${output.trim()}`]
  const same = (await change.mark(at)) === before
  await change.undo(at)
  const left = await settled(at, disk, null)
  return [
    ...(same ? ['the same again did nothing'] : []),
    ...left.map((sentence) => `after the same again: ${sentence}`),
  ]
}

/** Not of those that the death of the server makes unavoidable. */
function lostRequests({ requests, failures }: LoadReport, away: Away | null): string[] {
  const lost = failures.filter((failure) => {
    const when = Date.parse(failure.split(' ')[0] ?? '')
    return away === null || when < away.from || when > away.to
  })
  if (requests === 0) return ['nobody asked the app for anything']
  return lost.length > 0 ? [`${lost.length} of ${requests} requests failed: ${lost[0]}`] : []
}
