/** Who is signed in: a signed cookie that names a key, good for 12 hours and only as long as that key is there. */
import type { Context } from 'hono'
import { deleteCookie, getSignedCookie, setSignedCookie } from 'hono/cookie'
import { type Actor, consoleName } from '../domain/access.ts'
import { isSecure } from './panel-guard.ts'
import type { PanelPorts } from './panel-ports.ts'

const cookie = 'megapolos'
/** Over TLS: apps have names beside the panel's, and could set a cookie for all of them; browsers let nobody do so with this one. */
const hostCookie = `__Host-${cookie}`
const hours = 12
/** What stands for a fingerprint where there is no key; a key of the console's name has one. */
const noKey = '-'

type Ports = Pick<PanelPorts, 'signIn' | 'keys'> & { readonly secret: string }

export function createSessions({ signIn, keys, secret }: Ports) {
  return {
    /** Uses up the token of a link; false when it is good for nothing. */
    async begin(c: Context, token: string): Promise<boolean> {
      const actor = signIn.redeem(token)
      const mark = actor && (await markOf(actor))
      if (!actor || !mark) return false
      const until = Date.now() + hours * 3_600_000
      await setSignedCookie(c, nameOf(c), `${until} ${mark} ${actor.name}`, secret, {
        ...{ path: '/', httpOnly: true, sameSite: 'Lax', maxAge: hours * 3600, secure: isSecure(c) },
      })
      return true
    },
    end(c: Context): void {
      deleteCookie(c, nameOf(c), { path: '/', secure: isSecure(c) })
    },
    /** Read anew at each request: a key that was removed is out, and a role that was changed counts. */
    async actor(c: Context): Promise<Actor | null> {
      const [until = '', mark, name = ''] = ((await getSignedCookie(c, secret, nameOf(c))) || '').split(' ')
      if (!(Number(until) > Date.now())) return null
      const common = { name, door: 'panel', from: null } as const
      if (name === consoleName && mark === noKey) return { ...common, role: 'admin' }
      const key = await keys.byName(name)
      return key && key.fingerprint === mark ? { ...common, role: key.role } : null
    },
  }

  /** Ties the cookie to this very key: another one that is given its name later does not inherit it. */
  async function markOf({ name, door }: Actor): Promise<string | null> {
    return door === 'console' ? noKey : ((await keys.byName(name))?.fingerprint ?? null)
  }
}

function nameOf(c: Context): string {
  return isSecure(c) ? hostCookie : cookie
}
