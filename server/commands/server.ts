/** server:*, whoami, login */
import { z } from 'zod'
import { command } from './command.ts'
import { facts } from './text.ts'

export const server = [
  command({
    name: 'server:version',
    summary: 'Show versions, and whether everything answers',
    access: 'app:read',
    kind: 'query',
    args: z.object({}),
    positional: [],
    aliases: [{ name: 'version' }, { name: 'server:status' }],
    result: z.object({
      megapolos: z.string(),
      node: z.string(),
      engine: z.string(),
      store: z.string(),
      redis: z.string(),
    }),
    run: async (_args, _context, { version, engineState, store, live, config }) => ({
      megapolos: version,
      node: process.version.slice(1),
      engine: await engineState(),
      store: await store.ping(2000).then(
        () => config.store,
        (error: Error) => error.message,
      ),
      redis: live.available() ? 'answers' : 'does not answer; live updates pause',
    }),
    text: (one) =>
      facts([
        ['MegapolOS', one.megapolos],
        ['Node', one.node],
        ['Docker', one.engine],
        ['store', one.store],
        ['Redis', one.redis],
      ]),
  }),
  command({
    name: 'whoami',
    summary: 'Show which key you came with, and what it may',
    access: 'public',
    kind: 'query',
    args: z.object({}),
    positional: [],
    result: z.object({ name: z.string(), role: z.string(), door: z.string(), from: z.string().nullable() }),
    run: async (_args, { actor: { name, role, door, from } }) => ({ name, role, door, from }),
    text: (one) => [`${one.name}, ${one.role}, by ${one.door}${one.from ? ` from ${one.from}` : ''}`],
  }),
  command({
    name: 'login',
    summary: 'Print a link that signs you in to the panel once',
    access: 'app:read',
    kind: 'mutation',
    args: z.object({}),
    positional: [],
    result: z.object({ tunnel: z.string().nullable(), url: z.string(), minutes: z.number() }),
    run: async (_args, { actor }, { signIn }) => signIn.invite(actor),
    text: ({ tunnel, url, minutes }) => [
      ...(tunnel
        ? [
            'The panel listens on this server only. Open a way to it from your machine, and leave it running:',
            '',
            `  ${tunnel}`,
            '',
            'Then open:',
          ]
        : ['Open:']),
      '',
      `  ${url}`,
      '',
      `The link works once, for ${minutes} minutes.`,
    ],
  }),
]
