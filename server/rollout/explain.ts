/** Why a container did not come up: one sentence, what to do, and the end of its log. */
import { type Place, placeName } from '../domain/container.ts'
import type { Checks } from '../domain/release.ts'
import type { Engine } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import { accepted, aliveFor, type Verdict } from './health.ts'

export type Failure = Extract<Verdict, { healthy: false }>

export interface Failed {
  readonly id: string
  readonly place: Place
  readonly appName: string
  readonly port: number | null
  readonly memory: number
  readonly checks: Checks
}

export async function explain(engine: Engine, failed: Failed, failure: Failure): Promise<UserError> {
  const [listening, detail] = await Promise.all([
    failure.why === 'no-answer' ? engine.listening(failed.id) : [],
    lastLines(engine, failed.id),
  ])
  const { message, hint } = sentence(failed, failure, listening)
  return new UserError('refused', message, hint, detail)
}

/** Pure, so that every sentence can be read in a test. */
export function sentence(
  failed: Omit<Failed, 'id'>,
  failure: Failure,
  listening: readonly { readonly port: number; readonly loopbackOnly: boolean }[],
): { message: string; hint?: string } {
  const name = placeName(failed.place)
  switch (failure.why) {
    case 'ended':
      return ended(failed, failure)
    case 'status': {
      const expected = accepted(404, failed.checks) ? 'anything below 500' : '200 to 399'
      return { message: `${name} answered ${failure.status} on ${failed.checks.path ?? '/'}; ${expected} is expected.` }
    }
    case 'no-answer':
      return noAnswer(failed, listening)
  }
}

function ended(failed: Omit<Failed, 'id'>, { ending, after }: Extract<Failure, { why: 'ended' }>) {
  const name = placeName(failed.place)
  if (ending.oomKilled) {
    return {
      message: `${name} was killed: it needs more memory than its limit of ${failed.memory} MiB.`,
      hint: `Raise the limit: ps:limit ${failed.appName} ${failed.place.process}=${failed.memory * 2}M`,
    }
  }
  const exit = `${name} exited with code ${ending.exitCode}`
  if (ending.exitCode === 126 || ending.exitCode === 127) {
    return {
      message: `${exit}: its command cannot be run.`,
      hint: `Check the line of ${failed.place.process} in the Procfile.`,
    }
  }
  const when =
    failed.port === null
      ? `after ${after.toFixed(1)} s; it has to stay alive for ${aliveFor / 1000} s`
      : 'before it answered a request'
  const killed = 'Code 137 is SIGKILL: somebody killed it, or the whole machine was short of memory.'
  return { message: `${exit} ${when}.`, ...(ending.exitCode === 137 && { hint: killed }) }
}

function noAnswer(
  failed: Omit<Failed, 'id'>,
  listening: readonly { readonly port: number; readonly loopbackOnly: boolean }[],
) {
  const name = placeName(failed.place)
  const { port, appName } = failed
  const own = listening.find((one) => one.port === port)
  if (own?.loopbackOnly) {
    return {
      message: `${name} listens on 127.0.0.1:${port} only, where no request reaches it.`,
      hint: 'Listen on 0.0.0.0, which is all addresses.',
    }
  }
  if (own) {
    return {
      message: `${name} listens on port ${port}, but did not answer GET ${failed.checks.path ?? '/'} within ${failed.checks.timeout} s.`,
    }
  }
  const [other] = listening
  if (other) {
    return {
      message: `${name} listens on ${other.port}, but PORT is ${port}.`,
      hint: `Listen on the port that the variable PORT names, or: config:set ${appName} PORT=${other.port}`,
    }
  }
  return {
    message: `${name} listened on no port within ${failed.checks.timeout} s; PORT is ${port}.`,
    hint: 'Listen on 0.0.0.0 and on the port that the variable PORT names.',
  }
}

export async function lastLines(engine: Engine, id: string, count = 20): Promise<string[]> {
  const lines: string[] = []
  try {
    for await (const line of engine.logs(id, { tail: count })) lines.push(line.text)
  } catch {
    // The cause is worth telling without its proof.
  }
  return lines.slice(-count)
}
