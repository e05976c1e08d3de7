/** Who asks at the kernel's socket: root's console, a key that sshd let in, or a token that the git door was given. */
import type { IncomingMessage } from 'node:http'
import { type Actor, consoleName, type Key, type Token } from '../domain/access.ts'
import { UserError } from '../errors.ts'

export interface KnownPeople {
  readonly keys: { byName(name: string): Promise<Key | null> }
  readonly tokens: { byHash(hash: string): Promise<Token | null>; used(name: string, at: string): Promise<void> }
}

export async function whoAsks(request: IncomingMessage, { keys, tokens }: KnownPeople): Promise<Actor> {
  const from = header(request, 'megapolos-from').split(' ')[0] || null
  const hash = header(request, 'megapolos-token')
  if (hash) return { ...(await ownerOf(hash, tokens)), door: 'http', from }
  const name = header(request, 'megapolos-key')
  if (name === '--console') return { name: consoleName, role: 'admin', door: 'console', from: null }
  const key = await keys.byName(name)
  if (!key) throw new UserError('forbidden', 'Your key was removed.')
  return { name: key.name, role: key.role, door: 'ssh', from }
}

/** Node reads headers as Latin-1; a branch name may be UTF-8. */
export function header(request: IncomingMessage, name: string): string {
  return Buffer.from(String(request.headers[name] ?? ''), 'latin1').toString()
}

async function ownerOf(hash: string, tokens: KnownPeople['tokens']): Promise<Pick<Actor, 'name' | 'role' | 'apps'>> {
  const token = await tokens.byHash(hash)
  const another = 'An admin can make another one: ssh megapolos tokens:create'
  if (!token) throw new UserError('unauthenticated', 'This token opens nothing: it was mistyped, or revoked.', another)
  const now = new Date().toISOString()
  if (token.expiresAt <= now) {
    throw new UserError(
      'unauthenticated',
      `The token ${token.name} expired on ${token.expiresAt.slice(0, 10)}.`,
      another,
    )
  }
  // To the hour, so that a token that is used all the time is not written all the time.
  const hour = `${now.slice(0, 13)}:00:00.000Z`
  if (token.lastUsedAt !== hour) await tokens.used(token.name, hour).catch(() => {})
  return { name: token.name, role: token.role, ...(token.apps && { apps: token.apps }) }
}
