import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { apart, noteStep, recordSteps, step, stepTree } from './steps.ts'

const names = (steps: ReturnType<typeof stepTree>) => steps.map(({ name, depth }) => `${'  '.repeat(depth)}${name}`)

test('steps that lie inside each other make a tree, also those that run side by side', async () => {
  const recording = recordSteps()
  await recording.run(async () => {
    await step('first', () => pause(5))
    await Promise.all([
      step('left', () => step('inner left', () => pause(5))),
      step('right', () => step('inner right', () => pause(5))),
    ])
  })
  const steps = stepTree(recording.end())
  expect(names(steps)).toEqual(['first', 'left', '  inner left', 'right', '  inner right'])
  expect(steps.every(({ took }) => took !== null && took >= 4)).toBe(true)
})

test('a step that fails is there with its time; one that goes on, and what begins later, is not waited for', async () => {
  const recording = recordSteps()
  const { promise: later, resolve } = Promise.withResolvers<void>()
  let after = Promise.resolve()
  await recording.run(async () => {
    await step('fails', () => Promise.reject(new Error('no'))).catch(() => {})
    after = step('goes on', async () => {
      await later
      await step('too late', async () => {})
    })
    await apart(() => step('apart', async () => {}))
    noteStep('over long ago', Date.now() - 60_000, Date.now() - 50_000)
    noteStep('timed by others', Date.now(), Date.now() + 20)
  })
  const steps = recording.end()
  resolve()
  await after
  expect(steps).toMatchObject([
    { name: 'fails', took: expect.any(Number) },
    { name: 'goes on', took: null },
    { name: 'timed by others', took: expect.closeTo(20, -1) },
  ])
})

test('without a recording a step is only its work', async () => {
  expect(await step('alone', async () => 7)).toBe(7)
})
