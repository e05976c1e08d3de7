import { expect, test } from 'vitest'
import { certificateConforms } from '../conformance/certificate.ts'
import { assertServes } from '../conformance/certificate-world.ts'
import { createDriver } from './index.ts'

const nobody = { show: async () => {}, withdraw: async () => {} }

certificateConforms('self-signed', async () => ({
  driver: createDriver(),
  answers: nobody,
  wildcards: true,
  trust: async ({ chain }) => chain,
  proofs: async () => [],
  written: () => '',
  secrets: async () => [],
  remove: async () => {},
}))

test('an address and a name of the own network are possible as well', async () => {
  const signal = new AbortController().signal
  const made = await createDriver().issue(['192.168.1.9', 'nas', 'fd00::1'], nobody, () => {}, signal)
  await assertServes(made, made.chain, 'nas')
  expect(made.chain).toContain('BEGIN CERTIFICATE')
})
