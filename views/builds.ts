/** The builds of an app; and one of them with its output, which goes on while it runs. */
import type { Ask, Build, Job } from './answers.ts'
import { serves } from './attention.ts'
import { type Html, html } from './html.ts'
import { heading, output, verdict } from './jobs.ts'
import { buildState, commit, ssh, took, when } from './marks.ts'
import type { Page } from './page.ts'
import { crumbs, tabs } from './tabs.ts'

export async function builds(ask: Ask, _: unknown, name: string): Promise<Page> {
  const app = await ask('apps:info', { app: name })
  const list = await ask('builds:list', { app: name })
  return {
    title: `Builds of ${app.name}`,
    menu: 'home',
    topics: [`app:${app.id}`, 'jobs'],
    parts: {},
    main: html`<div class="head"><div>
  ${crumbs(app.name)}
  <h1>Builds</h1>
  <p>A push builds images. The same tree is never built twice.</p>
</div></div>
${tabs(app.name, 'builds')}
${
  list.length === 0
    ? html`<p class="soft">None yet.</p>`
    : html`<table>
  <thead><tr><th scope="col">Build</th><th scope="col">State</th><th scope="col">Commit</th><th scope="col" class="wide">Buildpack</th><th scope="col" class="num wide">Took</th><th scope="col" class="num wide">When</th></tr></thead>
  <tbody>${list.map((one) => row(app.name, one))}</tbody>
</table>`
}`,
  }
}

function row(app: string, one: Build): Html {
  return html`<tr><th scope="row"><a href="/apps/${app}/builds/${one.id}">${one.id}</a></th><td>${buildState(one.state)}</td><td>${commit(one.commit)}</td><td class="wide">${one.buildpack ?? ''}</td><td class="num wide">${one.reused ? 'reused' : one.endedAt && took(one)}</td><td class="num wide">${when(one.startedAt)}</td></tr>`
}

/** A build's number is that of the job that made it, and its output is the job's. */
export async function build(ask: Ask, _: unknown, name: string, number: string): Promise<Page> {
  const [app, one, job] = await Promise.all([
    ask('apps:info', { app: name }),
    ask('builds:info', { app: name, build: number }),
    ask('jobs:info', { job: number }),
  ])
  const runs = job.endedAt === null
  return {
    title: `Build ${one.id} of ${app.name}`,
    menu: 'home',
    topics: [`app:${app.id}`, 'jobs', `job:${one.id}`],
    parts: {},
    main: html`${head(app.name, one, job)}
${verdict(job, serves(app.release, job))}
${runs ? ssh(`builds:cancel ${app.name}`) : ''}
${heading(job.output.length)}`,
    lines: output(job),
  }
}

function head(app: string, one: Build, job: Job): Html {
  return html`<div class="head"><div>
  ${crumbs(app, ['/builds', 'Builds'])}
  <h1>Build ${one.id} ${buildState(one.state)}</h1>
  <p>${commit(one.commit)} by ${job.actor}, ${when(one.startedAt)}${one.buildpack && `, ${one.buildpack}`}${
    one.reused ? ', an image of the same tree was there already' : one.endedAt && html`, took ${took(one)}`
  }. <a href="/jobs/${one.id}">The whole push</a></p>
</div></div>`
}
