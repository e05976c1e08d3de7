import { expect, test } from 'vitest'
import { median, printed, result } from './row.ts'

test('the median of an even number of values lies between the middle two', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
  expect(median([7])).toBe(7)
})

test('a row shows medians, noise, the ratio of the median turn and whether the aim was met', () => {
  const floor = { what: 'ssh true', values: [0.2, 0.21, 0.19] }
  const row = {
    what: 'apps:list',
    unit: 's',
    ours: [0.25, 0.3, 0.24],
    floor,
    aim: '≤ 1.2 ×',
    met: (r: number) => r <= 1.2,
  } as const
  const [, line] = printed([result(row)]).split('\n')
  expect(line).toMatch(
    /^apps:list +0\.25 s \(0\.24–0\.30, 3\) +ssh true: 0\.20 s \(0\.19–0\.21, 3\) +1\.26 × +≤ 1\.2 × +MISSED$/,
  )
})
