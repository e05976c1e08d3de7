import { expect, test } from 'vitest'
import { Progress } from './progress.ts'
import type { Vertex } from './trace.ts'

const step: Vertex = {
  digest: 'a',
  name: '[2/3] RUN npm ci',
  cached: false,
  started: 1,
  completed: 2,
  error: 'exit code: 1',
}
const told = (lines: string, engineError: string) => {
  const progress = new Progress(() => {})
  progress.take({ vertexes: [step], outputs: [{ vertex: 'a', text: Buffer.from(lines) }] })
  return progress.failure(engineError)
}

test.each([
  ['a step', 'npm error ENOSPC: no space left on device, write\n', 'exit code: 1'],
  ['the engine itself', '', 'failed to solve: write /var/lib/docker/x: no space left on device'],
])('a disk that %s finds full is said to be full, and is no fault of the pushed tree', (_, lines, engineError) => {
  expect(told(lines, engineError)).toMatchObject({
    code: 'unavailable',
    message: 'The disk was full before the build was done.',
  })
})

test('any other failure names the step', () => {
  expect(told('npm error missing script\n', 'exit code: 1')).toMatchObject({
    code: 'refused',
    message: 'The build failed at "RUN npm ci" (exit code 1).',
    detail: ['npm error missing script'],
  })
})
