/** What a script may say besides real commands; README.md lists it. Each returns what it prints, or throws. */
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Load, startLoad } from './load.ts'
import type { Person } from './person.ts'

export interface Stage {
  readonly person: Person
  readonly httpPort: number
  readonly remembered: { readonly typed: readonly string[]; readonly output: string }[]
  load: Load | null
}

type Word = (stage: Stage, args: readonly string[]) => Promise<string>

export const playerWords: Readonly<Record<string, Word>> = {
  cd: async ({ person }, [folder = '']) => {
    person.folder = resolve(person.folder, folder)
    return ''
  },

  example: async ({ person }, [app = '', name = '']) => {
    await person.must('cp', '-rT', `apps/${app}`, name)
    person.folder = resolve(person.folder, name)
    await person.must('git', 'init', '--quiet')
    await commit(person, `Add ${app}`)
    await person.must('git', 'remote', 'add', 'megapolos', `megapolos:${name}`)
    return ''
  },

  become: async ({ person }, [app = '']) => {
    await person.must('git', 'rm', '-rq', '.')
    await person.must('cp', '-rT', `../apps/${app}`, '.')
    await commit(person, `Become ${app}`)
    return ''
  },

  edit: async ({ person }, [file = '', change = '']) => {
    const [, from = '', to = ''] = change.split('/')
    const path = resolve(person.folder, file)
    const text = await readFile(path, 'utf8')
    if (!text.includes(from)) throw new Error(`${file} has no "${from}"`)
    await writeFile(path, text.replace(from, to))
    return ''
  },

  remember: async ({ person, remembered }, typed) => {
    remembered.push({ typed, output: await person.must(...typed) })
    return remembered.at(-1)?.output ?? ''
  },

  unchanged: async ({ person, remembered }) => {
    if (!remembered.length) throw new Error('Nothing was remembered')
    for (const { typed, output } of remembered) {
      const now = await person.must(...typed)
      if (now !== output) throw new Error(`${typed.join(' ')}\nsaid:\n${output}\nand now:\n${now}`)
    }
    return ''
  },

  load: async (stage, [act, url = '']) => {
    if (act === 'start') {
      const { hostname, pathname } = new URL(url)
      stage.load = startLoad({ port: stage.httpPort, host: hostname, path: pathname, posts: true })
      return ''
    }
    const report = await stage.load?.stop()
    stage.load = null
    if (!report) throw new Error('No load was started')
    const said = [...report.answers.map((text) => text.trim()), ...report.failures.slice(0, 10)]
    if (report.failures.length) throw new Error(`${said.join('\n')}\n${report.failures.length} failed`)
    return [...said, `${report.requests} requests, 0 failed`].join('\n')
  },
}

async function commit(person: Person, message: string): Promise<void> {
  await person.must('git', 'add', '--all')
  await person.must('git', 'commit', '--quiet', '-m', message)
}
