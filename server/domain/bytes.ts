/** Sizes as people write and read them: `20GB`, `1.5 GB`. A GB is a thousand MB, as `df -H` and Docker count. */

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

export function bytesText(bytes: number): string {
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  const value = bytes / 1000 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`
}

/** Null when it is no size. */
export function parseBytes(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?) ?(B|kB|MB|GB|TB|PB)$/i.exec(text.trim())
  if (!match) return null
  const power = units.findIndex((unit) => unit.toLowerCase() === match[2]?.toLowerCase())
  return Math.round(Number(match[1]) * 1000 ** power)
}
