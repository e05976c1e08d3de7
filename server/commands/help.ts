/** help: the table, for people. */
import { z } from 'zod'
import { nearest } from '../domain/nearest.ts'
import { UserError } from '../errors.ts'
import { type AnyRow, command } from './command.ts'
import { isRequired, kebab, optionsOf, type Table, usage } from './parse.ts'
import { columns } from './text.ts'

const topics: Readonly<Record<string, string>> = {
  apps: 'Apps',
  config: 'Config vars',
  domains: 'Domains',
  proxy: 'Requests',
  certs: 'HTTPS',
  links: 'Apps that call each other',
  volumes: 'Volumes',
  ps: 'Processes',
  releases: 'Releases',
  builds: 'Builds',
  logs: 'Logs and terminals',
  jobs: 'Jobs',
  db: 'Databases',
  devices: 'Devices',
  backups: 'Backups',
  notify: 'Bad news',
  drivers: 'Drivers',
  keys: 'Keys',
  tokens: 'Tokens',
  socket: 'The socket in containers',
  server: 'This server',
}

const topicOf: Readonly<Record<string, string>> = {
  run: 'logs',
  storage: 'volumes',
  redirects: 'domains',
  auth: 'proxy',
  maintenance: 'proxy',
  enter: 'logs',
  attachments: 'db',
  events: 'server',
  audit: 'server',
  whoami: 'server',
  login: 'server',
  help: 'server',
}

/** Made from the finished table, which it is part of itself. */
export function helpRow(rows: () => readonly AnyRow[], table: () => Table) {
  return command({
    name: 'help',
    summary: 'Show this, a topic, or one command',
    access: 'public',
    kind: 'query',
    args: z.object({ about: z.string().optional().meta({ description: 'a topic or a command' }) }),
    positional: ['about'],
    aliases: [{ name: '--help' }, { name: '-h' }],
    result: z.array(z.string()),
    examples: ['help ps', 'help ps:scale'],
    run: async ({ about }) => {
      const shown = rows().filter((row) => !row.hidden)
      if (about === undefined) return overview(shown)
      const row = table().names.get(about)?.row
      if (row && row.name === about && !topics[about]) return manual(row)
      const inTopic = shown.filter((candidate) => topic(candidate) === about)
      if (inTopic.length > 0) return topicPage(about, inTopic)
      if (row) return manual(row)
      const close = nearest(about, [...Object.keys(topics), ...table().names.keys()])
      throw new UserError(
        'not-found',
        `There is no help about “${about}”.`,
        close ? `Did you mean help ${close}?` : 'Type help to see everything.',
      )
    },
    text: (lines) => lines,
  })
}

export function topic(row: AnyRow): string {
  const first = row.name.split(':')[0] as string
  return topicOf[first] ?? first
}

function overview(rows: readonly AnyRow[]): string[] {
  const width = Math.max(...rows.map((row) => row.name.length))
  return [
    'MegapolOS: push an app, and it is live.',
    '',
    'First push, in a folder with a git repository:',
    '  git remote add megapolos megapolos:blog',
    '  git push megapolos main',
    'Then:',
    '  ssh megapolos domains:set blog example.com',
    '  ssh megapolos config:set blog API_KEY=secret',
    '  ssh megapolos logs blog --tail',
    ...Object.entries(topics).flatMap(([key, title]) => [
      '',
      title,
      ...rows.filter((row) => topic(row) === key).map((row) => `  ${row.name.padEnd(width)}  ${row.summary}`),
    ]),
    '',
    'help COMMAND shows how one is used. Every command takes --format json.',
  ]
}

function topicPage(name: string, rows: readonly AnyRow[]): string[] {
  return [`${topics[name] ?? name}:`, ...columns(rows.map((row) => [`  ${usage(row)}`, row.summary]))]
}

function manual(row: AnyRow): string[] {
  const words = row.positional.map((key: string) => [`  ${key}`, describe(row, key)])
  const options = optionsOf(row).map((key) => [`  --${kebab(key)}`, describe(row, key)])
  const section = (title: string, lines: string[]) => (lines.length > 0 ? ['', title, ...lines] : [])
  return [
    `${row.summary}.`,
    '',
    `Usage: ${usage(row)}`,
    ...section('Arguments', columns(words)),
    ...section('Options', columns(options)),
    ...section(
      'Examples',
      (row.examples ?? []).map((example) => `  ssh megapolos ${example}`),
    ),
    ...section(
      'Also known as',
      (row.aliases ?? []).map((alias) => `  ${alias.name}`),
    ),
    ...('input' in row && row.input ? ['', `Reads ${row.input} from standard input.`] : []),
  ]
}

/** The description may stand on the type or on one that it wraps. */
function describe(row: AnyRow, key: string): string {
  let type = row.args.shape[key]
  while (type && !type.meta()?.description) type = type.def.innerType ?? type.def.in
  const text = type?.meta()?.description ?? ''
  return isRequired(row, key) || !row.positional.includes(key) ? text : `${text} (may be left out)`
}
