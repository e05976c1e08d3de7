/** notify:* */
import { z } from 'zod'
import type { Webhook } from '../domain/webhook.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import type { Kernel } from './kernel.ts'
import { ago, table } from './text.ts'

const url = z
  .string()
  .max(2000, 'That address is too long.')
  .refine(
    (text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''),
    'A webhook is an address that begins with https://.',
  )
  .meta({ description: 'address that takes JSON; a secret' })
const id = z.coerce
  .number('A webhook is named by its number: notify:list')
  .int()
  .positive()
  .optional()
  .meta({ description: 'its number; the only one when left out' })
const shown = z.object({ id: z.number(), to: z.string(), createdAt: z.string(), createdBy: z.string() })

export const notify = [
  command({
    name: 'notify:add',
    summary: 'Post bad news to a webhook as JSON: failed backups and jobs, crashes, servers away',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ url }),
    positional: ['url'],
    secret: ['url'],
    result: shown,
    examples: ['notify:add https://hooks.example.com/…'],
    run: async ({ url }, { actor }, { store }) => masked(await store.webhooks.add(url, actor.name)),
    text: ({ id, to }) => [`Bad news goes to ${to} from now on. Try it: notify:test ${id}`],
  }),
  command({
    name: 'notify:list',
    summary: 'List the webhooks that bad news goes to',
    access: 'admin',
    kind: 'query',
    args: z.object({}),
    positional: [],
    aliases: [{ name: 'notify' }],
    result: z.array(shown),
    run: async (_args, _context, { store }) => (await store.webhooks.list()).map(masked),
    text: (list) =>
      table(
        ['webhook', 'to', 'by', 'added'],
        list.map((one) => [String(one.id), one.to, one.createdBy, ago(one.createdAt)]),
        'Nobody is told of bad news. notify:add https://…',
      ),
  }),
  command({
    name: 'notify:test',
    summary: 'Post a test to a webhook',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ webhook: id }),
    positional: ['webhook'],
    result: shown,
    run: async ({ webhook: id }, _context, kernel) => {
      const webhook = await find(id, kernel)
      await kernel.notifier.test(webhook)
      return masked(webhook)
    },
    text: ({ to }) => [`${to} took it.`],
  }),
  command({
    name: 'notify:remove',
    summary: 'Stop posting bad news to a webhook',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ webhook: id }),
    positional: ['webhook'],
    result: shown,
    run: async ({ webhook: id }, _context, kernel) => {
      const webhook = await find(id, kernel)
      await kernel.store.webhooks.remove(webhook.id)
      return masked(webhook)
    },
    text: ({ to }) => [`${to} hears no bad news any more.`],
  }),
]

async function find(id: number | undefined, { store }: Kernel): Promise<Webhook> {
  const [webhook, other] = (await store.webhooks.list()).filter((one) => one.id === (id ?? one.id))
  if (webhook && !other) return webhook
  if (other) throw new UserError('usage', 'There are several webhooks; say which one.', 'See them: notify:list')
  throw new UserError('not-found', `There is no webhook${id === undefined ? '' : ` ${id}`}.`, 'See them: notify:list')
}

/** Whoever has the rest of the address can post there as well. */
function masked({ id, url, createdAt, createdBy }: Webhook): z.output<typeof shown> {
  return { id, to: `${new URL(url).origin}/…`, createdAt, createdBy }
}
