/** Commands over SSH against the bare connection, with one app and with a thousand. */
import type { Person } from '../test/person.ts'
import { type Lab, timed } from './lab.ts'
import { appsText, type Row } from './row.ts'

export async function measureList(lab: Lab, apps: number, runs: number): Promise<Row> {
  const { person, plainSsh } = lab
  const [ours, bare]: [number[], number[]] = [[], []]
  await person.must('ssh', 'megapolos', 'apps:list')
  for (let run = 0; run < runs; run++) {
    bare.push(await sshTrue(person, plainSsh))
    ours.push(await timed(() => person.must('ssh', 'megapolos', 'apps:list')))
  }
  const floor = { what: 'ssh true', values: bare }
  return {
    what: `ssh … apps:list, ${appsText(apps)}`,
    unit: 's',
    ours,
    floor,
    aim: '≤ 1.2 ×',
    met: (ratio) => ratio <= 1.2,
  }
}

export async function measureCreate({ person, plainSsh }: Lab, runs: number, apps: number): Promise<Row> {
  const [ours, bare]: [number[], number[]] = [[], []]
  for (let run = 0; run < runs; run++) {
    bare.push(await sshTrue(person, plainSsh))
    ours.push(await timed(() => person.must('ssh', 'megapolos', 'apps:create', `created-${apps}-${run}`)))
  }
  return {
    what: `ssh … apps:create, ${appsText(apps)}`,
    unit: 's',
    ours,
    floor: { what: 'ssh true', values: bare },
    aim: '≤ 0.3 s',
    met: (_, seconds) => seconds <= 0.3,
  }
}

/** Empty ones: what a long list costs. */
export async function makeApps({ system, say }: Lab, count: number): Promise<void> {
  say(`making ${count} apps …`)
  let next = 0
  const maker = async () => {
    while (next < count) await system.console('apps:create', `many-${next++}`)
  }
  await Promise.all([maker(), maker()])
}

/** By way of `env`: a plain `ssh` of this person is led to the test system. */
function sshTrue(person: Person, config: string): Promise<number> {
  return timed(() => person.must('env', 'ssh', '-F', config, 'plain', 'true'))
}
