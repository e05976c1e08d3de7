import { expect, test } from 'vitest'
import { splitWords } from './words.ts'

test.each([
  ['', []],
  ['  apps:list  ', ['apps:list']],
  ['config:set blog A=1  B=2', ['config:set', 'blog', 'A=1', 'B=2']],
  [`config:set blog A='two words' B="a \\"quoted\\" word"`, ['config:set', 'blog', 'A=two words', 'B=a "quoted" word']],
  [`a '' ""`, ['a', '', '']],
  ['a\\ b', ['a b']],
  ['"\\n"', ['\\n']],
  ["'$HOME' $(id) `id` ;", ['$HOME', '$(id)', '`id`', ';']],
  ["A='line\nline'", ['A=line\nline']],
])('%j splits as a shell would, and nothing is expanded', (line, words) => {
  expect(splitWords(line)).toEqual(words)
})

test.each(["a 'b", 'a "b', 'a \\'])('%j is refused, not guessed', (line) => {
  expect(() => splitWords(line)).toThrow(/without a closing one|lone backslash/)
})
