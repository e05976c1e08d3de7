/** Our proxy, and nobody else, listens on the port that people reach apps by. */
import { type Commands, check } from '../check.ts'
import { type Listener, listenersOn } from '../listeners.ts'

export interface PortFacts {
  readonly port: number
  /** The words that our proxy was started with. */
  readonly words: string
  /** A list for each socket; empty when its processes cannot be seen from here. */
  readonly listeners: readonly (readonly Listener[])[]
}

export const port = check<PortFacts>({
  name: 'port',
  about: 'The port of the proxy',
  remedy: (commands) => commands.restart('proxy'),
  probe: async ({ config, proxy }) => ({
    port: config.httpPort,
    words: proxy().command().join(' '),
    listeners: await listenersOn(config.httpPort),
  }),
  judge: ({ port, words, listeners }, commands) => {
    if (listeners.length === 0) {
      const problem = `The proxy does not run: nobody listens on port ${port}, and no app is reached.`
      return [{ severity: 'error', problem, fix: commands.restart('proxy') }]
    }
    const stranger = listeners.find((owners) => !owners.some((one) => one.words.includes(words)))
    if (!stranger) return []
    const [first = unseen] = stranger
    const who = first === unseen ? first.program : `${first.program} (process ${first.pid})`
    const problem = `${who} listens on port ${port}, where MegapolOS’s proxy belongs: no app is reached.`
    return [{ severity: 'error', problem, fix: removal(first, port, commands) }]
  },
})

const unseen: Listener = { pid: 0, program: 'another process', words: '', unit: null }

/** Ours takes the port by itself once it is free; the restart makes it at once. */
function removal({ pid, program, unit }: Listener, port: number, commands: Commands): string {
  return `${stop(pid, program, unit, port)}; ${commands.restart('proxy')}`
}

function stop(pid: number, program: string, unit: string | null, port: number): string {
  if (program === 'docker-proxy') return `docker stop $(docker ps --quiet --filter publish=${port})`
  if (unit !== null && !/^(docker|containerd|user@\d+|ssh)\.service$/.test(unit))
    return `systemctl disable --now ${unit}`
  return pid === 0 ? `fuser -k ${port}/tcp` : `kill ${pid}`
}
