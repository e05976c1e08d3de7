/** What holds for every request of the panel: which names it answers to, who may change something, what a page may load. */
import type { Context, MiddlewareHandler } from 'hono'

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

/** Names that mean this machine. Anything else is a foreign name that was made to point here (DNS rebinding). */
const ownHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/

/** `publicly`: the panel's address over https, to which the proxy leads; null while it has none. */
export function createGuard(publicly: () => string | null): MiddlewareHandler {
  return async (c, next) => {
    c.header('content-security-policy', policy)
    c.header('x-content-type-options', 'nosniff')
    // Not `no-referrer`: forms would then be sent with `Origin: null`.
    c.header('referrer-policy', 'same-origin')
    c.header('cross-origin-opener-policy', 'same-origin')
    c.header('cross-origin-resource-policy', 'same-origin')
    c.header('cache-control', 'no-store')

    const host = c.req.header('host') ?? ''
    const origin = ownHost.test(host) ? `http://${host}` : `https://${host}`
    const known = ownHost.test(host) || (isSecure(c) && origin === publicly())
    if (!known) return c.text('The panel does not answer here. Ask for a link: ssh megapolos login', 421)
    const safe = c.req.method === 'GET' || c.req.method === 'HEAD'
    // A cookie does not keep ports of one host apart; the origin does.
    if (!safe && c.req.header('origin') !== origin) return c.text('This came from another site.', 403)
    return next()
  }
}

/** It came through the proxy, over TLS. */
export function isSecure(c: Context): boolean {
  return c.req.header('x-forwarded-proto') === 'https'
}
