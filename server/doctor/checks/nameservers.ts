/** The nameservers that containers and builds ask: Docker hands on those of the machine. */
import { Resolver } from 'node:dns/promises'
import { check } from '../check.ts'

export interface Nameserver {
  readonly address: string
  readonly answers: boolean
}

export const nameservers = check<Nameserver[]>({
  name: 'nameservers',
  about: 'The nameservers',
  remedy: () => 'cat /etc/resolv.conf',
  probe: async () => Promise.all(new Resolver().getServers().map(ask)),
  judge: (servers) => {
    if (servers.some(({ answers }) => answers)) return []
    const who = servers.map(({ address }) => address).join(', ') || 'none is named'
    return [
      {
        severity: 'error',
        problem: `No nameserver in /etc/resolv.conf answers (${who}): builds and apps find no other machine.`,
        fix: "echo 'nameserver 9.9.9.9' >>/etc/resolv.conf",
      },
    ]
  },
})

/** That there is no such name, or that it will not say, is an answer too. */
const silence = new Set(['ETIMEOUT', 'ECONNREFUSED', 'ECANCELLED'])

async function ask(address: string): Promise<Nameserver> {
  const resolver = new Resolver({ timeout: 1_500, tries: 2 })
  resolver.setServers([address])
  const answers = await resolver.resolve4('debian.org').then(
    () => true,
    (error: NodeJS.ErrnoException) => !silence.has(error.code ?? ''),
  )
  return { address, answers }
}
