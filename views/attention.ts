/** What a person should see to, the worst first, each with the command that helps. */
import type { Answers, AppSummary, Job } from './answers.ts'

export interface Attention {
  readonly look: 'bad' | 'warn'
  readonly word: string
  readonly what: string
  readonly why: string
  readonly href?: string
  /** Without `ssh megapolos`. */
  readonly act?: string
}

export function needs(
  apps: readonly AppSummary[],
  recent: readonly Job[],
  server: Answers['server:version'],
): Attention[] {
  return [...ofServer(server), ...apps.flatMap(ofApp), ...apps.flatMap((app) => ofPush(app, recent))]
}

function ofServer({ engine, redis }: Answers['server:version']): Attention[] {
  const list: Attention[] = []
  // A version begins with a digit; anything else is the sentence that says why there is none.
  if (!/^\d/.test(engine))
    list.push({ look: 'bad', word: 'Failing', what: 'Docker does not answer', why: engine, act: 'server:doctor' })
  if (redis !== 'answers')
    list.push({
      look: 'warn',
      word: 'Warning',
      what: 'Redis does not answer',
      why: 'Apps go on. Live updates pause, and logs of containers that are gone cannot be read.',
      act: 'server:doctor',
    })
  return list
}

function ofApp({ name, state, processes }: AppSummary): Attention[] {
  if (state !== 'degraded') return []
  const short = processes
    .filter(({ running, wanted }) => running < wanted)
    .map(({ type, running, wanted }) => `${running} of ${wanted} ${type} processes run`)
  return [
    {
      look: 'bad',
      word: 'Failing',
      what: `${name} does not run as it should`,
      why: short.length > 0 ? `${short.join(', ')}.` : 'Its processes do not stay up.',
      href: `/apps/${encodeURIComponent(name)}`,
      act: `logs ${name}`,
    },
  ]
}

function ofPush({ name, release }: AppSummary, recent: readonly Job[]): Attention[] {
  const failed = lastFailure(recent.filter((job) => job.app === name))
  if (!failed) return []
  return [
    {
      look: 'warn',
      word: 'Refused',
      what: `${name}: ${failure(failed)}`,
      why: `${failed.result ?? ''} ${serves(release)}`,
      href: `/jobs/${failed.id}`,
      act: `jobs:info ${failed.id}`,
    },
  ]
}

/** The newest change of an app, if it failed; of pushes the newest one counts even when something else went well since. */
export function lastFailure(jobs: readonly Job[]): Job | null {
  const ended = jobs.filter(({ state }) => ['succeeded', 'failed', 'interrupted'].includes(state))
  const push = ended.find(({ kind }) => kind === 'push')
  return [ended[0], push].find((job) => job && job.state !== 'succeeded') ?? null
}

export function failure({ kind, state }: Job): string {
  const what = kind === 'push' ? 'the last push' : `the last change (${kind})`
  return `${what} was ${state === 'interrupted' ? 'interrupted' : 'refused'}`
}

/** What does not change: while a job runs, and after it was refused. */
export function serves(release: number | null, job?: Pick<Job, 'endedAt'>): string {
  return release === null
    ? 'Nothing serves yet.'
    : `v${release} serves ${job?.endedAt === null ? 'meanwhile' : 'as before'}.`
}
