/** Home: is everything up, what needs a person, what runs now. */
import type { AppSummary, Ask, Job } from './answers.ts'
import { type Attention, needs } from './attention.ts'
import { empty } from './empty.ts'
import { type Html, html } from './html.ts'
import { jobRow } from './jobs.ts'
import { asked, lately } from './lately.ts'
import { appState, count, link, mark } from './marks.ts'
import type { Page } from './page.ts'

const topics = ['apps', 'app:', 'jobs', 'events']

export async function home(ask: Ask, { host }: { host: string }): Promise<Page> {
  const [apps, active, recent, server, events] = await Promise.all([
    ask('apps:list'),
    ask('jobs:list', { active: true, num: 100 }),
    ask('jobs:list', { num: 200 }),
    ask('server:version'),
    ask('events', { num: asked }),
  ])
  if (apps.length === 0) return { title: 'First push', menu: 'home', topics, parts: {}, main: empty(host, active) }

  const attention = needs(apps, recent, server)
  const parts: Record<string, Html> = {
    summary: html`<p id="summary">${summary(apps)} ${attention.length > 0 ? `${count(attention.length, 'thing needs', 'things need')} you.` : 'Nothing needs you.'}</p>`,
    attention: attentionList(attention),
    'jobs-now': jobsNow(active),
    lately: lately(events),
  }
  const rows = byNeed(apps).map((app) => (parts[`app-${app.name}`] = row(app)))
  return {
    title: 'Apps',
    menu: 'home',
    topics,
    parts,
    main: html`<div class="head"><div><h1>Apps</h1>${parts.summary}</div></div>
<div class="two">
${parts.attention}
${parts['jobs-now']}
</div>
<section aria-labelledby="apps">
  <header><h2 id="apps">${count(apps.length, 'app')}</h2></header>
  <table>
    <thead><tr><th scope="col">App</th><th scope="col">State</th><th scope="col" class="wide">Release</th><th scope="col" class="wide">Processes</th></tr></thead>
    <tbody>${rows}</tbody>
  </table>
</section>
${parts.lately}`,
  }
}

/** Those that fail come first. Nothing else reorders, so that a row does not move while it is read. */
function byNeed(apps: readonly AppSummary[]): AppSummary[] {
  const failing = (app: AppSummary) => (app.state === 'degraded' ? 0 : 1)
  return [...apps].sort((a, b) => failing(a) - failing(b) || a.name.localeCompare(b.name, 'en', { numeric: true }))
}

function summary(apps: readonly AppSummary[]): string {
  const of = (state: string) => apps.filter((app) => app.state === state).length
  const others = [
    [of('deploying'), 'deploying'],
    [of('degraded'), 'degraded'],
    [of('stopped'), 'stopped'],
    [of('empty'), 'without a release'],
  ] as const
  const said = others.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`)
  if (said.length === 0) return apps.length === 1 ? 'The app runs.' : `All ${apps.length} apps run.`
  if (apps.length > 1) said.unshift(`${of('running')} of ${apps.length} apps run`)
  return `${said.join(', ')}.`
}

function row({ name, url, state, release, processes }: AppSummary): Html {
  const scale = processes
    .filter(({ wanted, running }) => wanted + running > 0)
    .map(({ type, wanted, running }) => (wanted === running ? `${type} ${wanted}` : `${type} ${running} of ${wanted}`))
  return html`<tr id="app-${name}"><th scope="row" class="cut"><a href="/apps/${name}">${name}</a><small>${link(url)}</small></th><td>${appState(state)}</td><td class="wide">${release === null ? '' : `v${release}`}</td><td class="wide">${scale.join(' · ')}</td></tr>`
}

function attentionList(list: readonly Attention[]): Html {
  return html`<section id="attention" aria-labelledby="attention-h">
  <header><h2 id="attention-h">Needs attention</h2></header>
  ${
    list.length === 0
      ? html`<p class="soft">Nothing.</p>`
      : html`<ul class="rows marked">${list.map(
          (one) =>
            html`<li>${mark(one.look, one.word)}<div><b>${one.href ? html`<a href="${one.href}">${one.what}</a>` : one.what}</b><small>${one.why}</small><small>${one.act && html`<code>ssh megapolos ${one.act}</code>`}</small></div></li>`,
        )}</ul>`
  }
</section>`
}

function jobsNow(active: readonly Job[]): Html {
  return html`<section id="jobs-now" aria-labelledby="jobs-h">
  <header><h2 id="jobs-h">Running now</h2><a class="quiet" href="/jobs">All jobs</a></header>
  ${active.length === 0 ? html`<p class="soft">Nothing.</p>` : html`<ul class="rows">${active.map(jobRow)}</ul>`}
</section>`
}
