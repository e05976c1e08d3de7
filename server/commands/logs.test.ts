import { expect, test } from 'vitest'
import { logs } from './logs.ts'

const access = logs.find(({ name }) => name === 'logs:access')
const request = {
  ...{ time: '2026-11-26T19:00:00+01:00', host: 'blog.example.com', method: 'GET', path: '/a b', status: 200 },
  ...{ bytes: 5, seconds: 0.0124, client: '203.0.113.7', request: 'r1' },
}

test('a request is one line: when, who, what came of it, and the id that the app got', () => {
  expect(access?.text([request] as never)).toEqual([
    '2026-11-26T18:00:00Z 203.0.113.7 200 GET blog.example.com/a b 5 B 12 ms r1',
  ])
})

test('what a client sent steers no terminal and begins no line of its own', () => {
  const hostile = { ...request, path: '/\u001b]0;owned\u0007\n2026 \u009b31m', method: 'G\rET' }
  const [line = '', ...more] = access?.text([hostile] as never) ?? []
  expect(more).toEqual([])
  expect(line).toContain('/?]0;owned??2026 ?31m')
  expect(line).toContain('G?ET')
})
