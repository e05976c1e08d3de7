/** Plays one cell: the push comes to its step, the victim is killed, and what must hold is looked at. */
import { setTimeout as pause } from 'node:timers/promises'
import type { InSystem } from '../in-system.ts'
import { beginCell, type Cell, letGo, until } from './cell.ts'
import { againSucceeds, broken, lostRequests, noneWaits, type Outcome, settled } from './promises.ts'
import { release } from './steps.ts'
import type { Planned } from './table.ts'

/** What does not hold; nothing when all does. */
export async function play(at: InSystem, planned: Planned): Promise<{ outcome: Outcome; wrong: string[] }> {
  const { step, victim } = planned
  const cell = await beginCell(at, `${step.name}-${victim.name}`.replace(' ', '-'), step)
  try {
    const died = await disturb(cell, planned)
    const waits = await stillWaits(cell, planned)
    const stops = [cell.before, cell.after].map(letGo)
    await cell.pushing.ended
    const left = await settled(cell)
    await Promise.all(stops.map((stop) => stop()))
    const outcome = (await release(cell)) === 2 ? 'after' : 'before'
    const pusherWasKilled = ['hook', 'git', 'client'].includes(victim.name)
    const wrong = [
      ...(waits ? ['what was begun for it goes on'] : []),
      ...left,
      ...([outcome, 'either'].includes(planned.expected) ? [] : [`the version ${outcome} serves`]),
      ...(await broken(cell, outcome, pusherWasKilled)),
      ...(await lostRequests(cell, outcome, victim.name === 'proxy' ? died : null)),
      ...(await againSucceeds(cell)),
    ]
    return { outcome, wrong }
  } finally {
    await cell.load.stop()
    await at.system.console('apps:destroy', cell.app, '--confirm', cell.app)
  }
}

/** Returns when the victim died; it is back by then. */
async function disturb(cell: Cell, { step, victim }: Planned): Promise<number> {
  const thaw = await step.reach(cell)
  try {
    await victim.kill(cell)
    const died = Date.now()
    if (step.thaws === 'at once') thaw()
    await victim.isBack(cell)
    return died
  } finally {
    thaw()
  }
}

/** True when the push is over and was refused, and yet something that it had begun goes on by itself. */
async function stillWaits(cell: Cell, { step, victim, expected }: Planned): Promise<boolean> {
  if (expected !== 'before') {
    // Time to fail, if it does.
    await Promise.race([cell.pushing.ended, pause(1500)])
    return false
  }
  await cell.pushing.ended
  await until('the job is over', async () => !(await activeJobs(cell)).includes('"push"')).catch(() => {})
  // A builder that was killed leaves the step that it ran to itself: it runs to its end, and nobody takes the result.
  if (step.name === 'build' && victim.name === 'dockerd') return false
  return step.held?.version === 'after' && !(await noneWaits(cell))
}

const activeJobs = ({ at, app }: Cell) => at.system.console('jobs:list', app, '--active', '--format', 'json')
