/** The word that somebody who mistyped probably meant. */

/** Null when no word is near: at most one typing slip for every three letters. */
export function nearest(word: string, words: readonly string[]): string | null {
  let best: string | null = null
  let least = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of words) {
    if (Math.abs(candidate.length - word.length) >= least) continue
    const slips = distance(word, candidate)
    if (slips < least) [best, least] = [candidate, slips]
  }
  return best
}

/** Letters added, left out, mistaken, or swapped with their neighbour. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let slips = Math.min(at(above, j) + 1, at(row, j - 1) + 1, at(above, j - 1) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        slips = Math.min(slips, at(before, j - 2) + 1)
      row.push(slips)
    }
    before = above
    above = row
  }
  return at(above, b.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? 0
}
