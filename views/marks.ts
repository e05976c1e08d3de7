/** Small pieces that many pages share: states, times, commits, commands to type. */
import { ago, duration } from '../server/commands/text.ts'
import { type Html, html } from './html.ts'

type Look = 'ok' | 'busy' | 'warn' | 'bad' | 'off'

const looks: Readonly<Record<string, readonly [Look, string]>> = {
  running: ['ok', 'Running'],
  deploying: ['busy', 'Deploying'],
  degraded: ['bad', 'Degraded'],
  stopped: ['off', 'Stopped'],
  empty: ['off', 'No release yet'],
  unknown: ['warn', 'Not known'],
}

const jobLooks: Readonly<Record<string, readonly [Look, string]>> = {
  queued: ['off', 'Waiting'],
  running: ['busy', 'Running'],
  succeeded: ['ok', 'Done'],
  failed: ['bad', 'Refused'],
  cancelled: ['off', 'Cancelled'],
  interrupted: ['warn', 'Interrupted'],
}

export function mark(look: Look, word: string): Html {
  return html`<span class="state ${look}">${word}</span>`
}

export function appState(state: string): Html {
  return mark(...(looks[state] ?? (['warn', state] as const)))
}

export function jobState(state: string): Html {
  return mark(...(jobLooks[state] ?? (['warn', state] as const)))
}

/** A build may well have succeeded in a push that was refused later. */
export function buildState(state: string): Html {
  if (state === 'succeeded') return mark('ok', 'Built')
  return state === 'failed' ? mark('bad', 'Failed') : jobState(state)
}

export function when(time: string): Html {
  return html`<time datetime="${time}" title="${exact(time)}">${ago(time)}</time>`
}

/** How long it took, or how long ago it began. */
export function took({ startedAt, endedAt }: { startedAt: string | null; endedAt: string | null }): Html | string {
  if (startedAt === null) return ''
  if (endedAt === null) return html`began ${when(startedAt)}`
  return duration(Date.parse(endedAt) - Date.parse(startedAt))
}

export function exact(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 19)} UTC`
}

export function commit(hash: string): Html {
  return html`<code class="soft" title="${hash}">${hash.slice(0, 7)}</code>`
}

/** What made a release, with the commit that it is of unless that was said. */
export function made({ description, commit: hash }: { description: string; commit: string }): Html {
  return html`${description} ${description.includes(hash.slice(0, 7)) ? '' : commit(hash)}`
}

export function sentence(text: string): string {
  return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`
}

/** The line that does what a button would. */
export function type(command: string): Html {
  return html`<p class="cli alone"><code>${command}</code></p>`
}

export function ssh(command: string): Html {
  return type(`ssh megapolos ${command}`)
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}

/** `http://blog.localhost/` as people say it. */
export function link(url: string): Html {
  return url.startsWith('http')
    ? html`<a href="${url}">${url.replace(/^https?:\/\//, '').replace(/\/$/, '')}</a>`
    : html`${url}`
}
