/** The app's own Dockerfile. It may do what it likes with its own image; what the builder itself would fetch is refused. */
import type { Detect } from '../../server/build/buildpack.ts'
import { refuseForeign } from './refusals.ts'

/** BuildKit reads directives only before the first other line; its blanks are more than spaces and tabs. */
const syntaxLine = /^((?:[^\S\n]*#[^\n]*\n)*?)[^\S\n]*#[^\S\n]*syntax[^\S\n]*=[^\n]*(\n|$)/i

export const detect: Detect = async (source, around) => {
  const text = await source.read('Dockerfile')
  if (text === null) return null
  const dockerfile = withoutSyntax(text)
  refuseForeign(dockerfile)
  return {
    buildpack: 'dockerfile',
    summary: ['Dockerfile'],
    dockerfile,
    files: {},
    ignore: [],
    bases: [],
    seesConfig: /\bid=mp_env\b/.test(text),
    processes: around.procfile ?? { web: null },
    hardened: false,
    warnings:
      dockerfile === text
        ? []
        : ['The "# syntax=" line of the Dockerfile is left out: the builder\'s own frontend is used.'],
  }
}

/** Without the first such line a second one would count. */
function withoutSyntax(text: string): string {
  const shorter = text.replace(syntaxLine, '$1')
  return shorter === text ? text : withoutSyntax(shorter)
}
