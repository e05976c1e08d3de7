import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { hashed, newPassword } from './password.ts'

/** What openssl makes of a password with the salt of a hash: the same hash, when it is the right one. */
const again = (password: string, hash: string) =>
  execFileSync('openssl', ['passwd', '-6', '-salt', hash.split('$')[2] ?? '', '-stdin'], { input: `${password}\n` })
    .toString()
    .trim()

test.each(['secret', 'with blanks, “quotes” and $6$', 'x'.repeat(128)])(
  '%s is hashed as crypt(3) checks it',
  async (password) => {
    const hash = await hashed(password)
    expect(again(password, hash)).toBe(hash)
    expect(again(`${password}!`, hash)).not.toBe(hash)
  },
)

test('one password never gives the same hash twice, and no two made ones are the same', async () => {
  expect(await hashed('secret')).not.toBe(await hashed('secret'))
  expect(newPassword()).not.toBe(newPassword())
})
