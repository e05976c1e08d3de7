import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parsePublicKey } from './public-key.ts'

const folder = mkdtempSync(join(tmpdir(), 'mp-key-'))
afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  ['ed25519', '256'],
  ['ecdsa', '384'],
  ['rsa', '2048'],
])('an %s key has the fingerprint that ssh-keygen prints', (type, bits) => {
  const file = join(folder, type)
  execFileSync('ssh-keygen', ['-q', '-t', type, '-b', bits, '-N', '', '-C', 'me@laptop', '-f', file])
  const line = readFileSync(`${file}.pub`, 'utf8')
  const shown = execFileSync('ssh-keygen', ['-l', '-f', `${file}.pub`], { encoding: 'utf8' })
  expect(parsePublicKey(`# a comment\n${line}`).fingerprint).toBe(shown.split(' ')[1])
})

const good = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw'

test.each([
  ['', 'There was no public key on standard input.'],
  [`${good}\n${good}`, 'There were 2 lines on standard input; add one key at a time.'],
  ['-----BEGIN OPENSSH PRIVATE KEY-----', 'That is a private key; it must never leave your machine.'],
  ['hello', 'That is not a public key that OpenSSH takes: it should begin with ssh-ed25519, ecdsa-sha2-… or ssh-rsa.'],
  [
    'ssh-dss AAAA',
    'That is not a public key that OpenSSH takes: it should begin with ssh-ed25519, ecdsa-sha2-… or ssh-rsa.',
  ],
  [
    'command="rm" ssh-ed25519 AAAA',
    'That is not a public key that OpenSSH takes: it should begin with ssh-ed25519, ecdsa-sha2-… or ssh-rsa.',
  ],
  [good.slice(0, -10), 'That public key is damaged; copy the whole line again.'],
  [good.replace('ssh-ed25519', 'ssh-rsa'), 'That public key is damaged; copy the whole line again.'],
  ['ssh-ed25519', 'That public key is damaged; copy the whole line again.'],
])('%j is refused with the reason', (text, message) => {
  expect(() => parsePublicKey(text)).toThrow(message)
})
