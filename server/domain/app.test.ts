import { expect, test } from 'vitest'
import { scaleOf } from './app.ts'

test('a type that nobody scaled has the default, also one that is called like what every object has', () => {
  expect(scaleOf({}, 'web')).toEqual({ quantity: 1, memory: 512 })
  expect(scaleOf({}, 'worker')).toEqual({ quantity: 0, memory: 512 })
  expect(scaleOf({}, 'constructor')).toEqual({ quantity: 0, memory: 512 })
  expect(scaleOf({ worker: { quantity: 2, memory: 64 } }, 'worker')).toEqual({ quantity: 2, memory: 64 })
})
