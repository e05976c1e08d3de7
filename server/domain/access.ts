/** Who asks, and what they may. */

export const roles = ['viewer', 'deployer', 'admin'] as const
/** `viewer` reads, `deployer` also pushes and changes apps, `admin` also manages keys and the server. */
export type Role = (typeof roles)[number]

/** Who acts on the server's own console, where nobody needs a key. */
export const consoleName = 'root'

export interface Actor {
  /** Name of the key, token or app, or `consoleName`. */
  readonly name: string
  readonly role: Role
  readonly door: 'ssh' | 'http' | 'console' | 'panel' | 'app'
  /** Address the request came from, where the door knows one. */
  readonly from: string | null
  /** Ids of the only apps that it may touch; not there when it may touch all. */
  readonly apps?: readonly string[]
}

export type Access = 'public' | 'app:read' | 'app:write' | 'admin'

const needed: Record<Exclude<Access, 'public'>, Role> = {
  'app:read': 'viewer',
  'app:write': 'deployer',
  admin: 'admin',
}

export function may(actor: Actor, access: Access): boolean {
  if (access === 'public') return true
  return roles.indexOf(actor.role) >= roles.indexOf(needed[access])
}

/** What an app may ask for at the socket in its containers, besides reading itself. */
export interface SocketGrant {
  /** Id of the app that it may touch: itself, or another one. */
  readonly target: string
  readonly access: (typeof socketAccess)[number]
}

export const socketAccess = ['read', 'write'] as const

/** Who an app is that asks for a command with this access. */
export function appActor(
  app: { readonly id: string; readonly name: string },
  grants: readonly SocketGrant[],
  access: Access,
): Pick<Actor, 'name' | 'role' | 'apps'> {
  const writes = grants.filter((one) => one.access === 'write').map(({ target }) => target)
  if (access === 'app:write' && writes.length > 0) return { name: app.name, role: 'deployer', apps: writes }
  return { name: app.name, role: 'viewer', apps: [app.id, ...grants.map(({ target }) => target)] }
}

export interface Key {
  readonly name: string
  /** `SHA256:…`, unique. */
  readonly fingerprint: string
  /** Type and base64 of an OpenSSH public key, without its comment. */
  readonly publicKey: string
  readonly role: Role
  readonly createdAt: string
}

export interface Token {
  readonly name: string
  readonly role: Role
  /** Ids of the only apps that it opens, or null for all. An app that is destroyed leaves the list. */
  readonly apps: readonly string[] | null
  readonly expiresAt: string
  /** To the hour. */
  readonly lastUsedAt: string | null
  readonly createdAt: string
}
