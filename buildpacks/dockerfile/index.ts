/** The app's own Dockerfile. It may do what it likes; only a frontend that nobody could fetch is taken out. */
import type { Detect } from '../../server/build/buildpack.ts'

/** BuildKit reads directives only before the first other line. */
const syntaxLine = /^((?:[ \t]*#[^\n]*\n)*?)[ \t]*#[ \t]*syntax[ \t]*=[^\n]*(\n|$)/i

export const detect: Detect = async (source, around) => {
  const text = await source.read('Dockerfile')
  if (text === null) return null
  const dockerfile = text.replace(syntaxLine, '$1')
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
