/** What a script may say besides real commands; README.md lists it. Each returns what it prints, or throws. */
import { resolve } from 'node:path'
import { type Load, startLoad } from './load.ts'
import type { Person } from './person.ts'
import { become, example } from './repository.ts'

export interface Stage {
  readonly person: Person
  readonly httpPort: number
  readonly remembered: { readonly typed: readonly string[]; readonly output: string }[]
  load: Load | null
}

type Word = (stage: Stage, args: readonly string[]) => Promise<string | undefined>

export const playerWords: Readonly<Record<string, Word>> = {
  cd: async ({ person }, [folder = '']) => {
    person.folder = resolve(person.folder, folder)
    return undefined
  },

  example: async ({ person }, [app = '', name = '']) => example(person, app, name).then(nothing),

  become: async ({ person }, [app = '']) => become(person, app).then(nothing),

  remember: async ({ person, remembered }, typed) => {
    const output = await person.must(...typed)
    remembered.push({ typed, output })
    return output
  },

  unchanged: async ({ person, remembered }) => {
    if (!remembered.length) throw new Error('Nothing was remembered')
    for (const { typed, output } of remembered) {
      const now = await person.must(...typed)
      if (now !== output) throw new Error(`${typed.join(' ')}\nsaid:\n${output}\nand now:\n${now}`)
    }
    return undefined
  },

  load: async (stage, [act, url = '']) => {
    if (act === 'start') {
      const { hostname, pathname } = new URL(url)
      stage.load = startLoad({ port: stage.httpPort, host: hostname, path: pathname, posts: true })
      return undefined
    }
    const report = await stage.load?.stop()
    stage.load = null
    if (!report) throw new Error('No load was started')
    const said = [...report.answers.map((text) => text.trim()), ...report.failures.slice(0, 10)]
    if (report.failures.length) throw new Error(`${said.join('\n')}\n${report.failures.length} failed`)
    return [...said, `${report.requests} requests, 0 failed`].join('\n')
  },
}

const nothing = () => undefined
