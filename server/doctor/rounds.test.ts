import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLog } from '../log.ts'
import type { Report } from './doctor.ts'
import { makeRounds } from './rounds.ts'

let said: string[]
let stopping: AbortController
let redis: boolean
let proxy: () => Promise<{ running: boolean }>
let findings: Pick<Report['findings'][number], 'check' | 'severity'>[]

beforeEach(() => {
  said = []
  redis = true
  proxy = async () => ({ running: true })
  findings = []
  stopping = new AbortController()
  const parts = {
    doctor: { examine: async () => ({ checks: 1, findings }) },
    journal: { record: ({ text }: { text: string }) => void said.push(text) },
    engine: { version: async () => ({}) },
    store: { ping: async () => {} },
    live: { available: () => redis },
    proxy: () => ({ status: () => proxy() }),
    log: createLog(() => {}),
  }
  makeRounds(parts as never, stopping.signal, { servers: 10, everything: 10 })
})
afterEach(() => stopping.abort())

const soon = (texts: (string | RegExp)[]) =>
  expect.poll(() => said).toEqual(texts.map((text) => expect.stringMatching(text)))

test('a server that goes away and comes back is told of once each', async () => {
  redis = false
  await soon([/^Redis does not answer\.$/])
  redis = true
  await soon([/Redis/, /^Redis answers again, after \d+ s\.$/])
})

test('a server whose state cannot be asked for counts as away', async () => {
  proxy = () => Promise.reject(new Error('no answer'))
  await soon([/^The proxy does not answer\.$/])
})

test('what the doctor finds anew is named by its check alone, and so is that it is well again', async () => {
  const keys = { check: 'keys', severity: 'error' } as const
  findings = [keys, keys, { check: 'names', severity: 'note' }]
  await soon([/^Something is wrong \(keys\): see server:doctor\.$/])
  findings = []
  await soon([/keys/, /^All is well again \(keys\)\.$/])
})
