/** What must be true of a cell when all is over: the same for every step and every victim. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { quickly } from '../quickly.ts'
import { stored } from '../stored.ts'
import { type Cell, letGo, running, until } from './cell.ts'
import { quarantines, release } from './steps.ts'

/** Which of the two versions serves in the end. */
export type Outcome = 'before' | 'after'

interface Job {
  readonly kind: string
  readonly state: string
  readonly result: string | null
}

/** Resolves when nothing of the app is under way any more; the sentences say what still is. */
export async function settled(cell: Cell): Promise<string[]> {
  let left: string[] = ['nobody has looked']
  const quiet = async () => {
    left = await unsettled(cell).catch((error: Error) => [error.message])
    return left.length === 0
  }
  await until('settled', quiet, 45).catch(() => {})
  return left
}

/** What is not as it must be after a push that ended with this. */
export async function broken(cell: Cell, outcome: Outcome, pusherWasKilled: boolean): Promise<string[]> {
  const { exit, output } = await cell.pushing.ended
  const said = output.trim().split('\n').slice(-3).join(' | ')
  const wrong: string[] = []
  const answered = await cell.at.get(cell.host)
  if (answered !== `${cell[outcome]}\n`) wrong.push(`it answers ${answered.trim()}`)
  if ((exit === 0) !== (outcome === 'after') && !pusherWasKilled) wrong.push(`the push ended with ${exit}: ${said}`)
  if (outcome === 'before' && !pusherWasKilled && !/^remote: {2}! {5}\S/m.test(output)) {
    wrong.push(`the pusher was not told why: ${said}`)
  }
  wrong.push(...(await wrongJob(cell, outcome)), ...(await wrongRef(cell, outcome, exit)))
  const builds = await cell.at.system.console('builds:list', cell.app, '--format', 'json')
  if (builds.includes('"running"')) wrong.push('a build is still called running')
  return wrong
}

/** Not of those that the death of the proxy makes unavoidable: until two seconds after it. */
export async function lostRequests(cell: Cell, outcome: Outcome, proxyDied: number | null): Promise<string[]> {
  const { failures, answers, requests } = await cell.load.stop()
  const excused = (failure: string) => proxyDied !== null && Date.parse(failure.split(' ')[0] ?? '') <= proxyDied + 2000
  const lost = failures.filter((failure) => !excused(failure))
  const wrong = lost.length > 0 ? [`${lost.length} of ${requests} requests failed: ${lost[0]}`] : []
  const allowed = [cell.before, ...(outcome === 'after' ? [cell.after] : [])].map((text) => `${text}\n`)
  const strange = answers.filter((answer) => !allowed.includes(answer))
  if (strange.length > 0) wrong.push(`somebody was answered ${JSON.stringify(strange)}`)
  if (!cell.long) return wrong
  const { output } = await cell.long.ended
  if (output !== `${cell.before}\n` && proxyDied === null) wrong.push(`the long request got ${output.trim()}`)
  return wrong
}

/** The same push again; when it has nothing to do any more, the next one. */
export async function againSucceeds(cell: Cell): Promise<string[]> {
  const { person } = cell.at
  const stop = letGo(cell.after)
  try {
    const first = await person.run(['git', 'push', 'megapolos', 'main'])
    if (first.exit !== 0) return [`the same push again ended with ${first.exit}: ${first.output.trim()}`]
    if (first.output.includes('up-to-date')) {
      await person.must('git', 'commit', '--quiet', '--allow-empty', '-m', 'Go on')
      await person.must('git', 'push', 'megapolos', 'main')
    }
    const answered = await cell.at.get(cell.host)
    const left = await settled(cell)
    const kept = await quarantines(cell)
    return [
      ...(answered === `${cell.after}\n` ? [] : [`pushed again it answers ${answered.trim()}`]),
      ...left,
      ...(kept.length > 0 ? [`git's left-overs stay: ${kept}`] : []),
    ]
  } finally {
    await stop()
  }
}

/** True when no process of the pushed version is left, before anybody lets one go. */
export async function noneWaits(cell: Cell): Promise<boolean> {
  return until('gone', async () => (await running(cell.after)).length === 0, 5).then(
    () => true,
    () => false,
  )
}

async function unsettled(cell: Cell): Promise<string[]> {
  const { at, app, id } = cell
  const jobs: Job[] = JSON.parse(await at.system.console('jobs:list', app, '--active', '--format', 'json'))
  const serving = await release(cell)
  const seen = await docker('ps', '--all', '--format', '{{.Label "megapolos.release"}} {{.State}}', id)
  const expected = `${serving} running`
  const networks = await docker('network', 'ls', '--quiet', id)
  const dangling = await docker('images', '--quiet', '--filter', 'dangling=true', id)
  const spool = await readdir(join(at.system.home, 'spool'))
  const pending = await pendingReleases(at.system)
  return [
    ...jobs.map(({ kind, state }) => `the ${kind} is ${state}`),
    ...(seen.join() === expected ? [] : [`containers: ${seen.join()} instead of ${expected}`]),
    ...(networks.length === 1 ? [] : [`${networks.length} networks`]),
    ...(dangling.length === 0 ? [] : [`${dangling.length} images without a name`]),
    ...(spool.length === 0 ? [] : [`${spool.length} files in the spool`]),
    ...(pending === 0 ? [] : [`${pending} pending releases`]),
  ]
}

async function docker(...words: string[]): Promise<string[]> {
  const [id, ...asked] = [words.at(-1), ...words.slice(0, -1)]
  const said = await quickly('docker', ...asked, '--filter', `label=megapolos.app=${id}`)
  return said.split('\n').filter(Boolean)
}

/** They are in no list. */
async function pendingReleases(system: Cell['at']['system']): Promise<number> {
  return (await stored(system, "SELECT version FROM releases WHERE state = 'pending'")).length
}

/** The job of the push that was disturbed is over, and its sentence says what serves. None at all: it never began. */
async function wrongJob({ at, app }: Cell, outcome: Outcome): Promise<string[]> {
  const jobs: Job[] = JSON.parse(await at.system.console('jobs:list', app, '--format', 'json'))
  const [job, first] = jobs.filter(({ kind }) => kind === 'push')
  if (!job || !first) return outcome === 'before' ? [] : ['the push has no job']
  const told =
    outcome === 'after'
      ? job.state === 'succeeded' && /^v2 is live\./.test(job.result ?? '')
      : ['failed', 'cancelled', 'interrupted'].includes(job.state) && (job.result ?? '') !== ''
  return told ? [] : [`the job is ${job.state}: ${job.result}`]
}

/** The branch names what serves; when the pusher was gone before git moved it, the job says so. */
async function wrongRef({ at, app, commit }: Cell, outcome: Outcome, exit: number): Promise<string[]> {
  const moved = (await at.person.must('git', 'ls-remote', 'megapolos', 'main')).includes(commit)
  if (moved) return outcome === 'after' ? [] : ['the branch names a commit that does not serve']
  if (outcome === 'before') return []
  const said = await at.system.console('jobs:list', app, '--format', 'json')
  if (exit !== 0 && said.includes('The pusher was gone by then')) return []
  return ['the branch does not name the commit that serves']
}
