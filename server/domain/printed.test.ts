import { expect, test } from 'vitest'
import { coloured, plain } from './printed.ts'

const hostile = 'a\x1b]0;title\x07b\x1b[2J\x1b]52;c;Zm9v\x1b\\c\x1bPq\x1b\\\x9b31md\x00\x08\re\tf'

test('what moves, retitles or copies is gone, and the text stays', () => {
  expect(plain(hostile)).toBe('abc31mde\tf')
  expect(coloured(hostile)).toBe('abc31mde\tf')
})

test('colours stay for a terminal and do not run on', () => {
  expect(coloured('\x1b[1;31mred\x1b[2K and more')).toBe('\x1b[1;31mred and more\x1b[0m')
  expect(plain('\x1b[1;31mred\x1b[m')).toBe('red')
  expect(coloured('plain')).toBe('plain')
})
