/** Jobs: what changes apps, now and before; and one of them with what it did and printed. */
import type { Answers, Ask, Job } from './answers.ts'
import { serves } from './attention.ts'
import { type Html, html } from './html.ts'
import { keptOutput, linesBox, outputLine } from './lines.ts'
import { count, exact, jobState, sentence, ssh, took, when } from './marks.ts'
import type { Lines, Page } from './page.ts'

const shown = 200

export async function jobs(ask: Ask): Promise<Page> {
  const list = await ask('jobs:list', { num: shown })
  const active = list.filter(({ endedAt }) => endedAt === null).length
  return {
    title: 'Jobs',
    menu: 'jobs',
    topics: ['jobs'],
    parts: {},
    main: html`<div class="head"><div>
  <h1>Jobs</h1>
  <p>${active === 0 ? 'Nothing runs.' : `${count(active, 'job runs', 'jobs run')} or wait.`} One job at a time changes an app; others wait in its queue.</p>
</div></div>
${
  list.length === 0
    ? html`<p class="soft">There were no jobs yet. A push is the first.</p>`
    : html`<table>
  <thead><tr><th scope="col">Job</th><th scope="col">State</th><th scope="col" class="wide">What came of it</th><th scope="col" class="num wide">When</th></tr></thead>
  <tbody>${list.map(tableRow)}</tbody>
</table>
${list.length === shown ? html`<p class="soft">The newest ${shown}. More: <code>ssh megapolos jobs:list --num 1000</code></p>` : ''}`
}`,
  }
}

export async function job(ask: Ask, _: unknown, number: string): Promise<Page> {
  const one = await ask('jobs:info', { job: number })
  const app = one.app === null ? null : ((await ask('apps:list')).find(({ name }) => name === one.app) ?? null)
  const silent = one.endedAt !== null && one.output.length === 0
  return {
    title: `Job ${one.id}`,
    menu: 'jobs',
    topics: ['jobs', `job:${one.id}`],
    parts: {},
    main: html`<div class="head"><div>
  <p class="crumbs"><a href="/jobs">Jobs</a> /</p>
  <h1>${sentence(one.kind)}${one.app && html` of ${one.app}`} ${jobState(one.state)}</h1>
  <p>Job ${one.id} by ${one.actor}, ${when(one.createdAt)}${one.endedAt && one.startedAt && html`, took ${took(one)}`}${
    app && html`. App: <a href="/apps/${one.app}">${one.app}</a>`
  }</p>
</div></div>
${verdict(one, app ? serves(app.release, one) : '')}
${one.endedAt === null ? ssh(`jobs:cancel ${one.id}`) : ''}
${operations(one)}
${silent ? html`<p class="soft">It printed nothing.</p>` : heading(one.output.length)}`,
    ...(silent ? {} : { lines: output(one) }),
  }
}

/** Goes on while the job runs. */
export function output({ id, endedAt, output }: Answers['jobs:info']): Lines {
  return {
    box: linesBox({
      label: 'Output',
      lines: output.map(outputLine),
      keep: keptOutput,
      command: `jobs:output ${id}`,
      form: 'output whole',
    }),
    follow: endedAt === null ? { command: 'jobs:output', args: { job: id } } : null,
    line: outputLine,
    keep: keptOutput,
  }
}

/** Above the output of a job. */
export function heading(lines: number): Html {
  return html`<h2 class="above" id="output">Output</h2>
${lines > keptOutput ? html`<p class="soft">The last ${keptOutput} of ${count(lines, 'line')}.</p>` : ''}`
}

/** What came of it, in one sentence; nothing once all went well and has been said above. */
export function verdict({ kind, state, result }: Pick<Job, 'kind' | 'state' | 'result'>, after: string): Html {
  if (state === 'queued') return html`<div class="verdict now" role="status"><p>It waits for its turn.</p></div>`
  if (state === 'running') return html`<div class="verdict now" role="status"><p>It runs.</p><p>${after}</p></div>`
  if (state === 'succeeded') return html`<div class="verdict done" role="status"><p>${result ?? 'Done.'}</p></div>`
  if (state === 'cancelled')
    return html`<div class="verdict off" role="status"><p>${result ?? 'It was cancelled.'}</p><p>${after}</p></div>`
  const said = `The ${kind === 'push' ? 'push' : 'change'} was ${state === 'interrupted' ? 'interrupted' : 'refused'}`
  return html`<div class="verdict" role="alert"><p>${said}: ${result ?? 'no reason is known.'}</p><p>${after}</p></div>`
}

/** In a list beside other things. */
export function jobRow(one: Job): Html {
  return html`<li><b><a href="/jobs/${one.id}">${title(one)}</a></b><small>${one.startedAt === null ? 'waits' : took(one)}</small><small>by ${one.actor}</small></li>`
}

function tableRow(one: Job): Html {
  return html`<tr><th scope="row"><a href="/jobs/${one.id}">${title(one)}</a><small>${one.id} by ${one.actor}</small></th><td>${jobState(one.state)}</td><td class="wide cut more"><span title="${one.result ?? ''}">${one.result ?? ''}</span></td><td class="num wide">${when(one.createdAt)}<small>${one.endedAt === null ? '' : took(one)}</small></td></tr>`
}

function title({ app, kind }: Job): string {
  return app === null ? kind : `${app} · ${kind}`
}

function operations({ operations, endedAt }: Answers['jobs:info']): Html {
  return html`<section aria-labelledby="done">
  <header><h2 id="done">${endedAt === null ? 'Done so far' : 'What was done'}</h2>${endedAt && html`<small>until ${exact(endedAt)}</small>`}</header>
  ${operations.length === 0 ? html`<p class="soft">Nothing was changed.</p>` : html`<ol class="rows">${operations.map((line) => html`<li>${line}</li>`)}</ol>`}
</section>`
}
