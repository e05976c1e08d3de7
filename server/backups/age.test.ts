import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { Decrypter, Encrypter } from 'age-encryption'
import { expect, test } from 'vitest'
import { decrypt, encrypt } from './age.ts'

const passphrase = randomBytes(32).toString('base64')
const sizes = [0, 1, 65_535, 65_536, 65_537, 200_000]

async function whole(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(bytes))
}

/** In pieces that end nowhere in particular, as a disk or a network gives them. */
function pieces(bytes: Buffer, size = 10_007): AsyncIterable<Buffer> {
  const list = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
    bytes.subarray(n * size, (n + 1) * size),
  )
  return Readable.from(list)
}

test.each(sizes)('%i bytes come back as they were', async (size) => {
  const plain = randomBytes(size)
  const sealed = await whole(encrypt(pieces(plain), passphrase))
  expect((await whole(decrypt(pieces(sealed), passphrase))).equals(plain)).toBe(true)
})

test.each(sizes)('%i bytes are opened by another program of this format', async (size) => {
  const plain = randomBytes(size)
  const other = new Decrypter()
  other.addPassphrase(passphrase)
  const sealed = await whole(encrypt(pieces(plain), passphrase))
  expect(Buffer.from(await other.decrypt(sealed)).equals(plain)).toBe(true)
})

test('what another program of this format wrote is opened', async () => {
  const plain = randomBytes(200_000)
  const other = new Encrypter()
  other.setPassphrase(passphrase)
  other.setScryptWorkFactor(12)
  const sealed = Buffer.from(await other.encrypt(plain))
  expect((await whole(decrypt(pieces(sealed), passphrase))).equals(plain)).toBe(true)
})

test('another key is told from a file that is damaged', async () => {
  const sealed = await whole(encrypt(pieces(randomBytes(100)), passphrase))
  await expect(whole(decrypt(pieces(sealed), 'another'))).rejects.toThrow('does not open with this key')
})

test('one of several keys opens it', async () => {
  const plain = randomBytes(100)
  const sealed = await whole(encrypt(pieces(plain), passphrase))
  expect((await whole(decrypt(pieces(sealed), 'another', passphrase))).equals(plain)).toBe(true)
  await expect(whole(decrypt(pieces(sealed), 'another', 'a third'))).rejects.toThrow('does not open with this key')
})

test('a file of another kind is refused as one', async () => {
  await expect(whole(decrypt(pieces(randomBytes(1000)), passphrase))).rejects.toThrow('not a backup')
  await expect(whole(decrypt(pieces(Buffer.alloc(0)), passphrase))).rejects.toThrow('not a backup')
})

test('no byte can be changed unseen', async () => {
  const sealed = await whole(encrypt(pieces(Buffer.alloc(150_000)), passphrase))
  const places = [...Array(250).keys(), 300, 65_800, 65_801, 131_400, sealed.length - 1]
  for (const at of places) {
    const changed = Buffer.from(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    await expect(whole(decrypt(pieces(changed), passphrase)), `byte ${at}`).rejects.toMatchObject({ code: 'usage' })
  }
})

test('nothing can be cut off, added or moved unseen', async () => {
  const sealed = await whole(encrypt(pieces(Buffer.alloc(150_000)), passphrase))
  const chunk = 65_536 + 16
  const begin = sealed.length - 2 * chunk - (150_000 - 131_072 + 16)
  const [one, two, rest] = [0, 1, 2].map((n) => sealed.subarray(begin + n * chunk, begin + (n + 1) * chunk))
  const head = sealed.subarray(0, begin)
  for (const bytes of [
    ...[begin - 1, begin, begin + 1, begin + chunk, begin + 2 * chunk, sealed.length - 1].map((end) =>
      sealed.subarray(0, end),
    ),
    Buffer.concat([sealed, Buffer.alloc(1)]),
    Buffer.concat([head, two, one, rest] as Buffer[]),
    Buffer.concat([head, one, rest] as Buffer[]),
  ]) {
    await expect(whole(decrypt(pieces(bytes), passphrase))).rejects.toThrow('damaged, or a part of it is missing')
  }
})
