/** The releases of an app, and what one of them is and changed. */
import type { Ask, ReleaseInfo, ReleaseSummary } from './answers.ts'
import { type Html, html } from './html.ts'
import { count, made, mark, ssh, when } from './marks.ts'
import type { Page } from './page.ts'
import { crumbs, tabs } from './tabs.ts'

/** `version` is `v3`; without one it shows the release that serves. */
export async function releases(ask: Ask, _: unknown, name: string, version?: string): Promise<Page> {
  const app = await ask('apps:info', { app: name })
  const [list, chosen] = await Promise.all([
    ask('releases', { app: name }),
    app.release === null && version === undefined
      ? null
      : ask('releases:info', { app: name, ...(version === undefined ? {} : { version }) }),
  ])
  return {
    title: `Releases of ${app.name}`,
    menu: 'home',
    topics: [`app:${app.id}`, 'jobs'],
    parts: {},
    main: html`<div class="head"><div>
  ${crumbs(app.name)}
  <h1>Releases</h1>
  <p>Each is images, commands and config vars. All of it comes back in a rollback, without a build.</p>
</div></div>
${tabs(app.name, 'releases')}
${chosen ? both(app.name, list, chosen) : html`<p class="soft">None yet. The first push makes v1.</p>`}`,
  }
}

export function releaseRow(app: string, one: ReleaseSummary, chosen = false): Html {
  return html`<tr${chosen ? html` aria-current="true"` : ''}><th scope="row"><a href="/apps/${app}/releases/v${one.version}">v${one.version}</a></th><td>${made(one)}<small>by ${one.createdBy}${one.current && html`, ${mark('ok', 'serves now')}`}</small></td><td class="num wide">${when(one.createdAt)}</td></tr>`
}

function both(app: string, list: readonly ReleaseSummary[], chosen: ReleaseInfo): Html {
  return html`<div class="two even turned">
<section aria-labelledby="history">
  <header><h2 id="history">History</h2><small>${count(list.length, 'release')}</small></header>
  <table>
    <thead><tr><th scope="col">Release</th><th scope="col" class="most">What</th><th scope="col" class="num wide">When</th></tr></thead>
    <tbody>${list.map((one) => releaseRow(app, one, one.version === chosen.version))}</tbody>
  </table>
</section>
${details(app, chosen)}
</div>`
}

function details(app: string, one: ReleaseInfo): Html {
  return html`<section aria-labelledby="release">
  <header><h2 id="release">v${one.version} ${one.current ? mark('ok', 'Serves now') : ''}</h2><small>${when(one.createdAt)} by ${one.createdBy}</small></header>
  <dl class="plain">
    <dt>What</dt><dd>${one.description}</dd>
    <dt>Commit</dt><dd><code>${one.commit}</code></dd>
    <dt>Changed</dt><dd>${one.changes.length === 0 ? 'nothing' : html`<ul>${one.changes.map((line) => html`<li>${line}</li>`)}</ul>`}</dd>
    ${Object.entries(one.processes).map(([type, command]) => html`<dt>${type}</dt><dd><code>${command}</code></dd>`)}
    <dt>Config vars</dt><dd>${one.config.length === 0 ? 'none' : html`${one.config.map((key) => html`<code>${key}</code> `)}<small>values are not shown</small>`}</dd>
  </dl>
  ${
    one.current
      ? ''
      : html`<p class="soft hint">Its containers start beside those that serve now, and take over once they are healthy. Data stays as it is now.</p>
  ${ssh(`releases:rollback ${app} v${one.version}`)}`
  }
</section>`
}
