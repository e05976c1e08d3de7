/** Seals values that must not be readable in the database or in a backup of it: AES-256-GCM with a key kept outside. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UserError } from '../errors.ts'

export interface Secrets {
  /** `owner` says what the value belongs to; a sealed value copied to another place does not open there. */
  seal(text: string, owner: string): string
  open(sealed: string, owner: string): string
}

const version = 'v1.'
const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16

export function createSecrets(key: Buffer): Secrets {
  return {
    seal(text, owner) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(owner))
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return version + sealed.toString('base64url')
    },
    open(sealed, owner) {
      const bytes = Buffer.from(sealed.slice(version.length), 'base64url')
      try {
        if (!sealed.startsWith(version)) throw new Error('unknown version')
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), {
          authTagLength: tagBytes,
        })
        decipher.setAAD(Buffer.from(owner)).setAuthTag(bytes.subarray(-tagBytes))
        return decipher.update(bytes.subarray(nonceBytes, -tagBytes), undefined, 'utf8') + decipher.final('utf8')
      } catch {
        throw new UserError(
          'unavailable',
          `The store has a secret that this key does not open (${owner}).`,
          'Put back the key file that belongs to this store.',
        )
      }
    },
  }
}

/** Reads the key, and makes it first where there is none. */
export async function loadKey(path: string): Promise<Buffer> {
  const found = await stat(path).catch(() => null)
  if (!found) await makeKey(path)
  else if (found.mode & 0o077) {
    throw new UserError('forbidden', `Others may read the key ${path}.`, `chmod 600 ${path}`)
  }
  const key = await readFile(path)
  if (key.length === keyBytes) return key
  throw new UserError(
    'conflict',
    `The key ${path} is ${key.length} bytes long, not ${keyBytes}.`,
    'Put back your copy of it.',
  )
}

/** Written beside and linked into place: a kernel that dies here leaves no half a key, and a second one keeps the first. */
async function makeKey(path: string): Promise<void> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(4).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(randomBytes(keyBytes))
    await file.sync()
    await link(draft, path).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await file.close()
    await rm(draft, { force: true })
  }
}
