/** The app's own Dockerfile. It may do what it likes with its own image; what the builder itself would fetch is refused. */
import type { Detect } from '../../server/build/buildpack.ts'
import { refuseForeign } from './refusals.ts'

/** BuildKit's blanks are more than spaces and tabs. */
const syntaxLine = /^\s*#\s*syntax\s*=/i

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

/** BuildKit reads directives only before the first other line; without the first such line a second one would count. */
function withoutSyntax(text: string): string {
  const lines = text.split('\n')
  const first = lines.findIndex((line) => !/^\s*(#|$)/.test(line))
  const top = first < 0 ? lines.length : first
  return lines.filter((line, at) => at >= top || !syntaxLine.test(line)).join('\n')
}
