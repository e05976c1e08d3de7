/** What happened lately, the newest first; `events` has the rest. */
import type { Event } from './answers.ts'
import { type Html, html } from './html.ts'
import { when } from './marks.ts'

/** How many are asked for, and how many of them are shown: that a job began is no news once it has ended. */
export const asked = 30
const shown = 6

export function lately(events: readonly Event[]): Html {
  const newest = events.filter(({ kind }) => kind !== 'job-began').reverse()
  return html`<section id="lately" aria-labelledby="lately-h">
  <header><h2 id="lately-h">Lately</h2><code class="soft">ssh megapolos events</code></header>
  ${newest.length === 0 ? html`<p class="soft">Nothing.</p>` : html`<ul class="rows">${newest.slice(0, shown).map(row)}</ul>`}
</section>`
}

function row({ at, app, job, text }: Event): Html {
  return html`<li><span>${job === null ? text : html`${app && html`<b>${app}</b>: `}<a href="/jobs/${job}">${text}</a>`}</span><small>${when(at)}</small></li>`
}
