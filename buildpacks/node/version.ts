/** Chooses a major version of Node from what the app asks for. Soft: the nearest one there is, with a warning. */

export interface Choice {
  readonly version: string
  /** What was asked for and where, for the pusher; null when nothing was. */
  readonly asked: string | null
  readonly warning: string | null
}

export interface Wish {
  readonly text: string
  /** `engines`, `.nvmrc` or `.node-version`. */
  readonly from: string
}

export function chooseNode(wish: Wish | null, available: { all: readonly string[]; default: string }): Choice {
  if (!wish) return { version: available.default, asked: null, warning: null }
  const asked = `${wish.from} ${wish.text}`
  const majors = available.all.map(Number)
  const fits = majorsThatFit(wish.text, majors, Number(available.default))
  if (!fits) {
    return {
      version: available.default,
      asked,
      warning: `"${wish.text}" in ${wish.from} is not understood; Node ${available.default} is used.`,
    }
  }
  const [best] = fits.majors.includes(Number(available.default)) ? [Number(available.default)] : fits.majors.slice(-1)
  if (best === undefined) {
    const near = nearest(fits.wanted, majors)
    return { version: String(near), asked, warning: `Node ${wish.text} is not available here; Node ${near} is used.` }
  }
  const exact = /^[v=]?\d+\.\d+\.\d+$/.test(wish.text)
  const warning = exact
    ? `${wish.from} asks for exactly ${wish.text}; the newest Node ${best} of this server is used.`
    : null
  return { version: String(best), asked, warning }
}

/** The available majors that a range allows, and the major that it speaks of; null when it is no range. */
function majorsThatFit(
  text: string,
  majors: readonly number[],
  fallback: number,
): { majors: number[]; wanted: number } | null {
  const name = text.toLowerCase()
  const range = Object.hasOwn(codenames, name) ? (codenames[name] as string) : text
  if (range === 'newest') return { majors: majors.slice(-1), wanted: majors.at(-1) ?? fallback }
  if (range === 'default') return { majors: [fallback], wanted: fallback }
  const alternatives = range.split('||').map(readComparators)
  if (alternatives.some((comparators) => comparators === null)) return null
  const fitting = majors.filter((major) => alternatives.some((all) => all?.every((allows) => allows.test(major))))
  return { majors: fitting, wanted: alternatives.flat()[0]?.major ?? fallback }
}

const codenames: Readonly<Record<string, string>> = {
  node: 'newest',
  current: 'newest',
  latest: 'newest',
  stable: 'default',
  lts: 'default',
  'lts/*': 'default',
  'lts/hydrogen': '18',
  'lts/iron': '20',
  'lts/jod': '22',
  'lts/krypton': '24',
}

interface Comparator {
  readonly major: number
  test(major: number): boolean
}

/** Only the major number counts; `<23` and `<23.0.0` leave 23 out, `<23.4` does not. */
function readComparators(text: string): Comparator[] | null {
  const spaced = text.trim().replace(/^(\S+)\s+-\s+(\S+)$/, '>=$1 <=$2')
  const words = spaced.replace(/([<>=~^]+)\s+/g, '$1').split(/\s+/)
  const comparators: Comparator[] = []
  for (const word of words) {
    if (/^([xX*]?|>=0(\.0)*)$/.test(word)) continue
    const [, operator = '', number, rest = ''] = /^([<>=~^]*)v?(\d+)((?:\.[\dxX*]+)*)(?:-[\w.]+)?$/.exec(word) ?? []
    if (!number) return null
    const major = Number(number)
    const isFirst = /^(\.(0|[xX*]))*$/.test(rest)
    if (operator === '>=') comparators.push({ major, test: (m) => m >= major })
    else if (operator === '>') comparators.push({ major, test: rest ? (m) => m >= major : (m) => m > major })
    else if (operator === '<') comparators.push({ major, test: isFirst ? (m) => m < major : (m) => m <= major })
    else if (operator === '<=') comparators.push({ major, test: (m) => m <= major })
    else if (['', '=', '^', '~', '~>'].includes(operator)) comparators.push({ major, test: (m) => m === major })
    else return null
  }
  return comparators
}

function nearest(wanted: number, majors: readonly number[]): number {
  return majors.find((major) => major >= wanted) ?? (majors.at(-1) as number)
}
