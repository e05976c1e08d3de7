/** Requests a second, by the programs that others measure with. Short turns, and many: what else the machine does then meets all alike. */
import { quickly } from '../test/quickly.ts'

/** HTTP/1.1 on twenty kept connections. */
export async function wrk(url: string, host: string): Promise<number> {
  const said = await quickly('wrk', '-t1', '-c20', '-d1s', '-H', `Host: ${host}`, url)
  if (/Non-2xx|Socket errors/.test(said)) throw new Error(`wrk met errors at ${url}:\n${said}`)
  return Math.round(Number(said.match(/Requests\/sec:\s+([\d.]+)/)?.[1]))
}

/** HTTP/2, ten streams at a time on each of two connections. */
export async function h2load(url: string, host: string): Promise<number> {
  const said = await quickly('h2load', '-t1', '-c2', '-m10', '-D1', '-H', `:authority: ${host}`, url)
  if (!/ 0 failed, 0 errored, 0 timeout/.test(said)) throw new Error(`h2load met errors at ${url}:\n${said}`)
  return Math.round(Number(said.match(/finished in [\d.]+s, ([\d.]+) req\/s/)?.[1]))
}

/**
 * What each of the measures says, a value a round. Every round begins with another one: what a machine has left over after a
 * pause, or owes after a minute of work, meets all alike.
 */
export async function inTurns(rounds: number, measures: readonly (() => Promise<number>)[]): Promise<number[][]> {
  const values = measures.map((): number[] => [])
  const entries = [...measures.entries()]
  for (let round = 0; round < rounds; round++) {
    const first = round % entries.length
    for (const [which, measure] of [...entries.slice(first), ...entries.slice(0, first)]) {
      values[which]?.push(await measure())
    }
  }
  return values
}
