import { expect, test } from 'vitest'
import { scramVerifier } from './scram.ts'

test('it is what PostgreSQL makes of the same password and salt', () => {
  // The example of RFC 7677: user, pencil, 4096 rounds; the keys are those that PostgreSQL 15 kept for it.
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
  expect(scramVerifier('pencil', salt)).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  )
})

test('the same password never looks the same', () => {
  expect(scramVerifier('pencil')).not.toBe(scramVerifier('pencil'))
})
