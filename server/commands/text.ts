/** How results look in a terminal. */

import { plain } from '../domain/printed.ts'

/** Columns padded to the widest; the last one runs free. */
export function columns(written: readonly (readonly string[])[]): string[] {
  const rows = written.map((row) => row.map(plain))
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => width(row[at] ?? ''))))
  return rows.map((row) =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : cell + ' '.repeat((widths[at] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd(),
  )
}

/** A heading and rows, or one sentence when there are none. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], none: string): string[] {
  return rows.length === 0 ? [none] : columns([head.map((cell) => cell.toUpperCase()), ...rows])
}

/** `name: value` lines, aligned. */
export function facts(pairs: readonly (readonly [string, string])[]): string[] {
  return columns(pairs.map(([name, value]) => [`${name}:`, value]))
}

/** `12 s`, `3 min`, `5 h`, `2 d` since an ISO 8601 time. */
export function ago(time: string | null, now = Date.now()): string {
  if (time === null) return '-'
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000))
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`
  return `${Math.floor(seconds / 86_400)} d ago`
}

/** `2026-01-31` of an ISO 8601 time. */
export function day(time: string | null): string {
  return time === null ? '-' : time.slice(0, 10)
}

export function duration(milliseconds: number): string {
  return milliseconds < 60_000
    ? `${(milliseconds / 1000).toFixed(1)} s`
    : `${Math.floor(milliseconds / 60_000)} min ${Math.round((milliseconds % 60_000) / 1000)} s`
}

function width(text: string): number {
  return [...text].length
}
