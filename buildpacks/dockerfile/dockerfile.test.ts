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
    '# syntax=a\n# syntax=b\nFROM x\n',
    '#\fsyntax=a\nFROM x\n',
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

test.each([
  'ADD http://169.254.169.254/latest/meta-data/ /',
  'add --chown=1:1 https://127.0.0.1:9141/status /x',
  'ONBUILD ADD http://x/ /y',
  'ADD ["http://x/", "/y"]',
  'AD\\\n# a comment\n\nD htt\\\np://x /y',
  'ARG P=http\nADD $P://x /y',
  'ARG U=http://x\nADD $U /y',
  'ADD ht\\tp:"//"x /y',
  '# escape=`\nAD`\nD http:`/`/x /y',
  'ADD git@example.com:a/b.git /y',
  'COPY <<E\\ /x\nE\\\nADD http://x /y',
])('the builder fetches nothing for an app: %j', async (instructions) => {
  const plan = planOf({ Dockerfile: `FROM x\n${instructions}\n` })
  await expect(plan).rejects.toMatchObject({ code: 'refused', message: expect.stringMatching(/Line \d+ .* adds from/) })
})

test.each([
  'ADD . /app',
  'ADD --chown=1000:1000 ["a b", "/c/"]',
  'RUN curl http://example.com/ \\\n  && add http://x',
  'ENV A=http://x',
])('what fetches nothing is left alone: %j', async (instructions) => {
  const text = `FROM x\n${instructions}\n`
  expect((await planOf({ Dockerfile: text })).dockerfile).toBe(text)
})

test.each(['{"syntax": "evil"}', '// syntax=evil\nFROM x', '#!/bin/x\n\n// syntax=evil'])(
  'a file that another program would read is refused: %j',
  async (text) => {
    await expect(planOf({ Dockerfile: text })).rejects.toMatchObject({ code: 'refused' })
  },
)

test.each([
  ['continued lines', `FROM x\n${'a\\\n'.repeat(300_000)}`],
  ['instructions that never end', `FROM x\n${'ONBUILD ADD \\\n'.repeat(75_000)}`],
  ['comments', '#\n'.repeat(500_000)],
  ['directives', '# syntax=a\n'.repeat(90_000)],
])('a Dockerfile of nothing but %s is read in no time', async (_, text) => {
  const began = performance.now()
  await planOf({ Dockerfile: text }).catch(() => {})
  expect(performance.now() - began).toBeLessThan(5_000)
})
