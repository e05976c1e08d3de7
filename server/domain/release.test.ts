import { expect, test } from 'vitest'
import { difference, type Release } from './release.ts'

const release = (more: Partial<Release>): Release => ({
  ...{ app: '0a0a0a0a', version: 1, commit: 'a'.repeat(40), tree: 'b', hardened: true, build: null, attachments: [] },
  ...{ checks: { path: null, timeout: 60 }, createdAt: '', createdBy: '', description: '' },
  ...{ config: {}, links: [], processes: {} },
  ...more,
})
const process = { image: 'sha256:1', command: ['x'], port: null }

test('what has the name of what every object has is compared like anything else', () => {
  const plain = release({})
  const odd = release({ processes: { constructor: process }, config: { toString: '1' } as never })
  expect(difference(plain, odd)).toEqual(['process constructor appears', 'config toString is set'])
  expect(difference(odd, plain)).toEqual(['process constructor goes', 'config toString is unset'])
})
