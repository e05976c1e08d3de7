/** What stands behind the proxies that are measured: an app in a container, as all are. */
import { join } from 'node:path'
import { quickly } from '../test/quickly.ts'
import { example } from '../test/repository.ts'
import type { Lab } from './lab.ts'

const name = 'fast'

/** It is a page that nginx serves: one that is slower than the proxies would hide what they cost. Resolves with `address:port`. */
export async function fastApp({ person }: Pick<Lab, 'person'>): Promise<string> {
  const running = async () => (await person.must('docker', 'ps', '--quiet', ...filters)).trim()
  if ((await running()) === '') {
    const before = person.folder
    person.folder = join(before, '..')
    await example(person, 'static', name)
    await person.must('git', 'push', 'megapolos', 'main')
    person.folder = before
  }
  const label = (of: string) => `{{index .Config.Labels "megapolos.${of}"}}`
  return (
    await quickly('docker', 'inspect', '--format', `${label('address')}:${label('port')}`, await running())
  ).trim()
}

const filters = ['--filter', 'label=megapolos.process=web', '--filter', `name=${name}`]
