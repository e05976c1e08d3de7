import { expect, test } from 'vitest'
import { planOf } from '../../server/build/plan-for-test.ts'

test("a Dockerfile wins over everything else and runs its image's own command", async () => {
  const plan = await planOf({ Dockerfile: 'FROM x\n', 'package.json': {}, 'index.html': '' })
  expect(plan).toMatchObject({
    buildpack: 'dockerfile',
    dockerfile: 'FROM x\n',
    processes: { web: null },
    hardened: false,
    warnings: [],
  })
})

test('the syntax line is left out with a warning, wherever directives may stand', async () => {
  for (const text of [
    '# syntax=docker/dockerfile:1\nFROM x\n',
    '#syntax = a\nFROM x\n',
    '# escape=`\n# syntax=a\nFROM x\n',
  ]) {
    const plan = await planOf({ Dockerfile: text })
    expect(plan.dockerfile).not.toContain('syntax')
    expect(plan.dockerfile).toContain('FROM x')
    expect(plan.warnings).toHaveLength(1)
  }
})

test('a comment about syntax further down stays', async () => {
  const text = 'FROM x\n# syntax=unchanged\n'
  expect((await planOf({ Dockerfile: text })).dockerfile).toBe(text)
})

test('process types come from the Procfile', async () => {
  const plan = await planOf({ Dockerfile: 'FROM x\n', Procfile: 'web: ./run\nrelease: ./migrate\n' })
  expect(plan.processes).toEqual({ web: './run', release: './migrate' })
})
