import { expect, test } from 'vitest'
import { parseEnvFile, printEnvFile } from './env-file.ts'

test('comments, blanks, quotes and export are understood', () => {
  const text = `# a comment\n\nA=1\n  export B = two words \nC="line\\nbreak"\nD='$keep'\nE=\nF="over\ntwo lines"\r\nG=a=b#c`
  expect(parseEnvFile(text)).toEqual({
    A: '1',
    B: 'two words',
    C: 'line\nbreak',
    D: '$keep',
    E: '',
    F: 'over\ntwo lines',
    G: 'a=b#c',
  })
})

test.each([['just words'], ['A=1\nbroken line\nB=2'], ['=x']])('%j is refused with its line number', (text) => {
  expect(() => parseEnvFile(text)).toThrow(/^Line \d+ is not KEY=VALUE\.$/)
})

test('what is exported is imported as it was', () => {
  const values = [
    '',
    'plain',
    'two words',
    'quote " and \' and \\',
    'new\nline',
    '\r\n',
    '#hash',
    ' blanks ',
    '$HOME `x`',
    'ключ=значение',
    '"',
    "'",
    '\\n',
  ]
  const vars = Object.fromEntries(values.map((value, at) => [`K${at}`, value]))
  expect(parseEnvFile(printEnvFile(vars).join('\n'))).toEqual(vars)
})

test.each([
  ['blanks that lead nowhere', `A=x${' '.repeat(1_000_000)}y`, 1_000_002],
  ['a long quotation', `A="${'x'.repeat(4_000_000)}"`, 4_000_000],
  ['nothing but escapes', `A="${'\\n'.repeat(1_000_000)}"`, 1_000_000],
  ['quotations that never end', `A="${'\\"'.repeat(1_000_000)}`, 1_000_000],
])('%s of megabytes are read in no time', (_, text, length) => {
  const before = process.cpuUsage()
  expect(parseEnvFile(text).A).toHaveLength(length)
  // Microseconds of work, whatever else the machine does. Measured: 0.6 s.
  expect(process.cpuUsage(before).user).toBeLessThan(6e6)
})

test('a name that objects have already is a name like any other', () => {
  expect(Object.keys(parseEnvFile('__proto__=1\nconstructor=2'))).toEqual(['__proto__', 'constructor'])
})
