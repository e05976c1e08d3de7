/** A page that could not be shown, and what to do instead. */
import type { UserError } from '../server/errors.ts'
import { type Html, html } from './html.ts'
import type { Page } from './page.ts'

export function problem(error: Pick<UserError, 'code' | 'message' | 'hint' | 'detail'>): Page {
  return { title: heading(error.code), menu: 'home', topics: ['*'], parts: {}, main: problemText(error) }
}

export function problemText({
  code,
  message,
  hint,
  detail,
}: Pick<UserError, 'code' | 'message' | 'hint' | 'detail'>): Html {
  return html`<div class="head"><div><h1>${heading(code)}</h1></div></div>
<div class="verdict" role="alert"><p>${message}</p>${hint && html`<p>${hint}</p>`}</div>
${detail.length > 0 ? html`<div class="log-box"><div class="log output"><ol>${detail.map((line) => html`<li>${line}</li>`)}</ol></div></div>` : ''}
<p><a href="/">All apps</a></p>`
}

function heading(code: UserError['code']): string {
  if (code === 'not-found') return 'Not found'
  if (code === 'forbidden') return 'Not allowed'
  return code === 'unavailable' ? 'Not now' : 'This page cannot be shown'
}
