/** README's command table, made from the table: `npm run readme` writes it, a test compares it. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rows } from './index.ts'
import { usage } from './parse.ts'

const begin = '<!-- commands: npm run readme -->\n'
const end = '<!-- /commands -->'

/** The same text with the table of today. */
export function withCommands(readme: string): string {
  const [before, rest = ''] = readme.split(begin)
  const after = rest.slice(rest.indexOf(end))
  return `${before}${begin}${commandTable()}${after}`
}

function commandTable(): string {
  const lines = rows
    .filter((row) => !row.hidden)
    .map((row) => `| \`${usage(row).replaceAll('|', '\\|')}\` | ${row.summary} |`)
  return ['| command | what it does |', '|---|---|', ...lines, ''].join('\n')
}

if (import.meta.main) {
  const path = join(import.meta.dirname, '../../README.md')
  await writeFile(path, withCommands(await readFile(path, 'utf8')))
}
