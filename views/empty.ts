/** Home before the first app: three steps. */
import type { Job } from './answers.ts'
import { type Html, html } from './html.ts'
import { mark, type } from './marks.ts'

export function empty(host: string, active: readonly Job[]): Html {
  const [push] = active
  return html`<div class="head"><div>
  <h1>Nothing runs here yet</h1>
  <p>Three steps to the first app. This page shows it as soon as the push arrives.</p>
</div></div>
<ol class="steps">
  <li>
    <h2>Your key is known ${mark('ok', 'Done')}</h2>
    <p class="soft">You are signed in to ${host} with it. An admin lets other keys in:</p>
    ${type('ssh megapolos keys:add NAME < id_ed25519.pub')}
  </li>
  <li>
    <h2>Add the remote</h2>
    <p class="soft">In a git repository with a package.json, a Dockerfile or an index.html. The last word is the app’s name.</p>
    ${type('git remote add megapolos megapolos:blog')}
  </li>
  <li>
    <h2>Push</h2>
    <p class="soft">The push shows the build and the rollout line by line, and ends with the address of the app.</p>
    ${type('git push megapolos main')}
    <p>${push ? html`<a href="/jobs/${push.id}">${mark('busy', 'The first push runs')}</a>` : mark('off', 'Waiting for the first push')}</p>
  </li>
</ol>`
}
