/** An app: which release serves, whether it is healthy, what it prints, and how to go back. */
import { readLogLine } from '../server/commands/logs.ts'
import type { AppInfo, Ask, Job, NameReport, ReleaseSummary } from './answers.ts'
import { failure, lastFailure, serves } from './attention.ts'
import { type Html, html } from './html.ts'
import { keptLog, linesBox, logLine } from './lines.ts'
import { appState, count, link, made, mark, sentence, ssh, type, when } from './marks.ts'
import type { Page } from './page.ts'
import { releaseRow } from './releases.ts'
import { tabs } from './tabs.ts'

export async function app(ask: Ask, _: unknown, name: string): Promise<Page> {
  const one = await ask('apps:info', { app: name })
  const [releases, jobs, names, log] = await Promise.all([
    ask('releases', { app: name }),
    ask('jobs:list', { app: name, num: 50 }),
    ask('certs:report', { app: name }),
    one.release === null ? [] : ask('logs', { app: name, num: keptLog }),
  ])
  const parts: Record<string, Html> = {
    'app-head': head(one),
    'app-verdict': verdict(one, jobs),
    'app-release': release(one, releases),
    'app-processes': processes(one),
    'app-domains': domains(one, names),
    'app-releases': recent(one, releases),
  }
  return {
    title: one.name,
    menu: 'home',
    topics: [`app:${one.id}`, 'jobs'],
    parts,
    main: html`${parts['app-head']}
${tabs(one.name, 'overview')}
${parts['app-verdict']}
${one.release === null ? firstPush(one) : ''}
<div class="two">
<div>
${parts['app-release']}
${parts['app-processes']}
</div>
${parts['app-domains']}
</div>
${parts['app-releases']}
<h2 class="above" id="log">Log</h2>`,
    lines: {
      box: linesBox({
        label: `Log of ${one.name}`,
        lines: log.map(logLine),
        keep: keptLog,
        command: `logs ${one.name} --tail`,
      }),
      follow: { command: 'logs', args: { app: name, num: keptLog, tail: true } },
      line: (text) => logLine(readLogLine(text)),
      keep: keptLog,
    },
  }
}

function head({ name, state, url }: AppInfo): Html {
  return html`<div class="head" id="app-head"><div>
  <p class="crumbs"><a href="/">Apps</a> /</p>
  <h1>${name} ${appState(state)}</h1>
  <p>${link(url)}</p>
</div></div>`
}

/** What is under way, else why the last push or change was refused. */
function verdict({ release }: AppInfo, jobs: readonly Job[]): Html {
  const active = jobs.find(({ state }) => state === 'running')
  const failed = lastFailure(jobs)
  if (active)
    return html`<div class="verdict now" id="app-verdict" role="status"><p>A ${active.kind} runs, by ${active.actor}. ${serves(release, active)}</p><p><a href="/jobs/${active.id}">Watch it</a></p></div>`
  if (failed)
    return html`<div class="verdict" id="app-verdict" role="alert"><p>${sentence(failure(failed))}: ${failed.result ?? 'no reason is known.'}</p><p>${serves(release)} ${when(failed.endedAt ?? failed.createdAt)}. <a href="/jobs/${failed.id}">See what it printed</a></p></div>`
  return html`<div id="app-verdict"></div>`
}

function release(one: AppInfo, [newest]: readonly ReleaseSummary[]): Html {
  const body =
    one.release === null
      ? html`<p class="soft">None yet.</p>`
      : html`<dl class="plain">
    <dt>What</dt><dd>${made({ description: one.description ?? '', commit: one.commit ?? '' })}</dd>
    <dt>Released</dt><dd>${one.releasedAt && when(one.releasedAt)}${newest?.current && ` by ${newest.createdBy}`}</dd>
    <dt>Branch</dt><dd>${one.branch ?? 'set by the first push'}</dd>
    <dt>App made</dt><dd>${when(one.createdAt)} by ${one.createdBy}</dd>
  </dl>`
  return html`<section id="app-release" aria-labelledby="release-h">
  <header><h2 id="release-h">${one.release === null ? 'Release' : `Release v${one.release}`}</h2></header>
  ${body}
</section>`
}

function processes({ name, processes }: AppInfo): Html {
  const scale = processes.map(({ type, wanted }) => `${type}=${wanted}`).join(' ')
  return html`<section id="app-processes" aria-labelledby="processes-h">
  <header><h2 id="processes-h">Processes</h2></header>
  ${
    processes.length === 0
      ? html`<p class="soft">None.</p>`
      : html`<table>
    <thead><tr><th scope="col">Type</th><th scope="col" class="wide">Command</th><th scope="col">State</th><th scope="col" class="num wide">Memory limit</th></tr></thead>
    <tbody>${processes.map(
      (one) =>
        html`<tr><th scope="row">${one.type}</th><td class="wide"><code>${one.command}</code></td><td>${processState(one)}</td><td class="num wide">${one.memory} MiB</td></tr>`,
    )}</tbody>
  </table>
  <p class="soft hint">To run more or fewer of them:</p>
  ${ssh(`ps:scale ${name} ${scale}`)}`
  }
</section>`
}

function processState({ wanted, running }: AppInfo['processes'][number]): Html {
  if (wanted === 0 && running === 0) return mark('off', 'Not running')
  return mark(running < wanted ? 'bad' : 'ok', `${running} of ${wanted} run`)
}

function domains({ name, domains, urls, maintenance }: AppInfo, names: readonly NameReport[]): Html {
  return html`<section id="app-domains" aria-labelledby="domains-h">
  <header><h2 id="domains-h">Domains</h2></header>
  ${maintenance && html`<p>${mark('warn', 'Maintenance')} Everybody gets 503. To let requests through again:</p>${ssh(`maintenance:off ${name}`)}`}
  <ul class="rows">${domains.map((address, at) => html`<li><b>${urls[at] ? html`<a href="${urls[at]}">${address}</a>` : address}</b></li>`)}</ul>
  ${names.map(https)}
  <p class="soft hint">To add one, point it at this server, then:</p>
  ${ssh(`domains:add ${name} example.com`)}
</section>`
}

/** Only what a person should know of: that a name is served needs no words. */
function https({ domain, state, expires, failure }: NameReport): Html | string {
  if (state === 'expired')
    return html`<p>${mark('bad', 'Certificate ended')} ${domain}, ${expires && when(expires)}.</p>`
  if (!failure) return ''
  const what = state === 'served' ? 'Not renewed' : 'No HTTPS yet'
  return html`<p>${mark('warn', what)} ${domain}: ${failure.problem} It is tried again.</p>`
}

function recent({ name }: AppInfo, releases: readonly ReleaseSummary[]): Html {
  if (releases.length === 0) return html`<div id="app-releases"></div>`
  const before = releases.find(({ current }) => !current)
  return html`<section id="app-releases" aria-labelledby="releases-h">
  <header><h2 id="releases-h">Recent releases</h2><a class="quiet" href="/apps/${name}/releases">${releases.length > 5 ? `All ${count(releases.length, 'release')}` : 'What they changed'}</a></header>
  <table>
    <thead><tr><th scope="col">Release</th><th scope="col" class="most">What</th><th scope="col" class="num wide">When</th></tr></thead>
    <tbody>${releases.slice(0, 5).map((one) => releaseRow(name, one))}</tbody>
  </table>
  ${before && html`<p class="soft hint">To go back, without a build:</p>${ssh(`releases:rollback ${name} v${before.version}`)}`}
</section>`
}

function firstPush({ name }: AppInfo): Html {
  return html`<section><p class="soft hint">Nothing was pushed yet. In the app’s git repository:</p>
${type(`git remote add megapolos megapolos:${name} && git push megapolos main`)}</section>`
}
