/** What holds for every request of the panel: which names it answers to, who may change something, what a page may load. */
import type { MiddlewareHandler } from 'hono'

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

export const guard: MiddlewareHandler = async (c, next) => {
  c.header('content-security-policy', policy)
  c.header('x-content-type-options', 'nosniff')
  // Not `no-referrer`: forms would then be sent with `Origin: null`.
  c.header('referrer-policy', 'same-origin')
  c.header('cross-origin-opener-policy', 'same-origin')
  c.header('cross-origin-resource-policy', 'same-origin')
  c.header('cache-control', 'no-store')

  const host = c.req.header('host') ?? ''
  if (!ownHost.test(host))
    return c.text('The panel answers at localhost only. Ask for a link: ssh megapolos login', 421)
  const safe = c.req.method === 'GET' || c.req.method === 'HEAD'
  // A cookie does not keep ports of one host apart; the origin does.
  if (!safe && c.req.header('origin') !== `http://${host}`) return c.text('This came from another site.', 403)
  return next()
}
