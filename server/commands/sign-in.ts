/** Panel sign-in without a password: a link that works once, for five minutes; over https, loopback or a tunnel. */
import { randomBytes } from 'node:crypto'
import type { Actor } from '../domain/access.ts'

export interface SignIn {
  invite(actor: Actor): { readonly tunnel: string | null; readonly url: string; readonly minutes: number }
  /** Who the link was made for; null when it was used, is too old, or never existed. */
  redeem(token: string): Actor | null
}

const minutes = 5

export interface SignInParts {
  readonly panelPort: number
  /** The words before the link, for callers that are not on this machine. */
  readonly tunnel: string
  /** Where the panel answers over https, `https://panel.example.com`; null: it is on this machine only. */
  readonly publicly: () => string | null
  /** Somebody came in by a link. */
  readonly redeemed: (actor: Actor) => void
  readonly now?: () => number
}

export function createSignIn({ panelPort, tunnel, publicly, redeemed, now = Date.now }: SignInParts): SignIn {
  const invitations = new Map<string, { actor: Actor; until: number }>()

  function forgetOld() {
    for (const [token, { until }] of invitations) if (until < now()) invitations.delete(token)
  }

  return {
    invite(actor) {
      forgetOld()
      const token = randomBytes(24).toString('base64url')
      invitations.set(token, { actor, until: now() + minutes * 60_000 })
      const local = actor.from === null || /^(127\.|::1$|::ffff:127\.)/.test(actor.from)
      const outside = publicly()
      const url = `${outside ?? `http://localhost:${panelPort}`}/login?token=${token}`
      return { tunnel: local || outside !== null ? null : tunnel, url, minutes }
    },
    redeem(token) {
      forgetOld()
      const invitation = invitations.get(token)
      invitations.delete(token)
      if (!invitation) return null
      redeemed(invitation.actor)
      return invitation.actor
    },
  }
}
