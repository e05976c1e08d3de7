/** One line of the table: what was measured, against what, and what was aimed at. */

export interface Row {
  readonly what: string
  readonly unit: 's' | 'ms' | 'MiB' | 'requests/s' | 'failed'
  readonly ours: readonly number[]
  /** Measured in the same run, in turns with ours; null where there is nothing to compare with. */
  readonly floor: { readonly what: string; readonly values: readonly number[] } | null
  readonly aim: string
  /** Of `ours / floor`, or of ours alone; null where nothing is aimed at. */
  readonly met: ((ratio: number, ours: number) => boolean) | null
  readonly note?: string
}

export interface Result extends Omit<Row, 'met'> {
  readonly median: number
  readonly ratio: number | null
  readonly met: boolean | null
}

export function result(row: Row): Result {
  const ours = median(row.ours)
  const ratio = row.floor ? ratioOf(row.ours, row.floor.values) : null
  return { ...row, median: ours, ratio, met: row.met?.(ratio ?? Number.NaN, ours) ?? null }
}

/** The median of what each turn says: a machine that others use as well is slow for both of a turn, and not in all turns. */
function ratioOf(ours: readonly number[], floor: readonly number[]): number {
  return median(ours.map((value, turn) => value / (floor[turn] ?? Number.NaN)))
}

/** `1 app`, `100 apps`. */
export function appsText(count: number): string {
  return count === 1 ? '1 app' : `${count} apps`
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}

/** The table as a person reads it: medians, with the smallest and the largest value as the noise. */
export function printed(results: readonly Result[]): string {
  const lines = results.map((one) => [
    one.what,
    shown(one.ours, one.unit),
    one.floor ? `${one.floor.what}: ${shown(one.floor.values, one.unit)}` : '',
    one.ratio === null ? '' : `${one.ratio.toFixed(2)} ×`,
    one.aim,
    one.met === null ? '' : one.met ? 'met' : 'MISSED',
    one.note ?? '',
  ])
  const header = ['what', 'ours (min–max, n)', 'floor of the same run', 'ratio', 'aim', '', '']
  const widths = header.map((_, column) => Math.max(...[header, ...lines].map((cells) => cells[column]?.length ?? 0)))
  return [header, ...lines]
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function shown(values: readonly number[], unit: Row['unit']): string {
  const middle = `${rounded(median(values))} ${unit}`
  if (values.length === 1) return middle
  return `${middle} (${rounded(Math.min(...values))}–${rounded(Math.max(...values))}, ${values.length})`
}

function rounded(value: number): string {
  if (value === 0 || value >= 1000) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toPrecision(2)
}
