/** Signing in: how to get a link, and the button that uses it. A link alone does nothing, since programs open links too. */
import { type Html, html } from './html.ts'
import { ssh } from './marks.ts'

export function login(host: string, notice?: string): Html {
  return html`<h1>Sign in to ${host}</h1>
  ${notice && html`<div class="verdict" role="alert"><p>${notice}</p></div>`}
  <p>Ask for a link from a machine whose key is known here, then open it:</p>
  ${ssh('login')}
  <p class="soft">The link works once, for five minutes. There is no password to forget or to steal.</p>
  <p class="soft">On the server itself: <code>sudo megapolos login</code></p>`
}

export function confirmLogin(host: string, token: string): Html {
  return html`<h1>Sign in to ${host}</h1>
  <form method="post" action="/login">
    <input type="hidden" name="token" value="${token}">
    <button class="primary">Sign in</button>
  </form>
  <p class="soft">The link works once. You stay signed in for 12 hours, or until your key is removed.</p>`
}
