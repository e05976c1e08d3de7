/** events */
import { z } from 'zod'
import type { Event } from '../domain/event.ts'
import { printable } from '../domain/printed.ts'
import { command } from './command.ts'
import { app } from './fields.ts'

const event = z.object({
  id: z.number(),
  at: z.string(),
  kind: z.string(),
  app: z.string().nullable(),
  job: z.number().nullable(),
  text: z.string(),
})

/** By the name that the app has now; one that is gone, by what it was called then. */
function named({ app, appName, ...rest }: Event, names: ReadonlyMap<string, string>) {
  return { ...rest, app: app === null ? null : (names.get(app) ?? appName ?? app) }
}

function print({ at, app, job, text }: z.output<typeof event>): string {
  return `${at.slice(0, 19)}Z ${(app ?? '-').padEnd(12)} ${printable(text)}${job === null ? '' : ` (job ${job})`}`
}

export const events = [
  command({
    name: 'events',
    summary: 'Print what happened on the server: changes, crashes, servers that went away',
    access: 'app:read',
    kind: 'query',
    args: z.object({
      app: app.optional(),
      num: z.coerce.number().int().min(1).max(10_000).default(50).meta({ description: 'how many, the newest' }),
      tail: z.boolean().default(false).meta({ description: 'go on with new ones until Ctrl-C' }),
    }),
    positional: ['app'],
    short: { n: 'num', t: 'tail', f: 'tail', a: 'app' },
    result: z.array(event),
    examples: ['events', 'events --app blog --tail'],
    run: async ({ app: name, num, tail }, { emit, signal }, { journal, store }) => {
      const filter = { ...(name === undefined ? {} : { app: name }), num, follow: tail, signal }
      const now = async () => new Map((await store.apps.list()).map(({ id, name }) => [id, name]))
      let names = await now()
      const found = []
      for await (const one of journal.read(filter)) {
        if (tail && one.app !== null) names = await now()
        const shown = named(one, names)
        if (tail) emit(print(shown))
        else found.push(shown)
      }
      // An app that is gone may have events; a name that none ever had is a slip of the finger.
      if (found.length === 0 && name !== undefined && !tail) await store.apps.get(name)
      return found
    },
    text: (list) => (list.length === 0 ? ['Nothing happened yet.'] : list.map(print)),
  }),
]
