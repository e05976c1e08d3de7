/** OpenSSH public keys, as they stand in `id_ed25519.pub`. */
import { createHash } from 'node:crypto'
import { UserError } from '../errors.ts'

const types =
  /^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)$/

/** Checks the type and the base64, whose first field repeats the type (RFC 4253, section 6.6). */
export function parsePublicKey(text: string): { publicKey: string; fingerprint: string } {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  if (lines.length === 0)
    throw new UserError(
      'usage',
      'There was no public key on standard input.',
      'keys:add laptop < ~/.ssh/id_ed25519.pub',
    )
  if (lines.length > 1)
    throw new UserError('usage', `There were ${lines.length} lines on standard input; add one key at a time.`)
  const [line = ''] = lines
  if (/PRIVATE KEY/.test(line))
    throw new UserError(
      'usage',
      'That is a private key; it must never leave your machine.',
      'Send the file that ends in .pub.',
    )
  const [type = '', base64 = ''] = line.split(/\s+/)
  if (!types.test(type))
    throw new UserError(
      'usage',
      'That is not a public key that OpenSSH takes: it should begin with ssh-ed25519, ecdsa-sha2-… or ssh-rsa.',
    )
  const blob = Buffer.from(base64, 'base64')
  const length = blob.length > 4 ? blob.readUInt32BE(0) : 0
  if (blob.toString('base64') !== base64 || blob.toString('latin1', 4, 4 + length) !== type) {
    throw new UserError('usage', 'That public key is damaged; copy the whole line again.')
  }
  return { publicKey: `${type} ${base64}`, fingerprint: fingerprint(blob) }
}

/** `SHA256:…` as ssh-keygen -l prints it. */
function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}
