/** Lines that programs printed: of an app's log, and of a build or another job. */
import { plain } from '../server/domain/printed.ts'
import type { LogLine } from './answers.ts'
import { type Html, html } from './html.ts'

/** How many lines a page keeps. */
export const keptLog = 500
export const keptOutput = 2000

export function logLine({ at, process, text }: LogLine): Html {
  return html`<li><time datetime="${at}" title="${at}">${at.slice(11, 19)}</time><i>${process}</i><span>${plain(text)}</span></li>`
}

/** Steps begin with an arrow, failures with ` !`, as the pusher sees them. */
export function outputLine(text: string): Html {
  const kind = text.startsWith('-----> ') ? html` class="step"` : /^ ! {5}/.test(text) ? html` class="error"` : ''
  return html`<li${kind}>${plain(text)}</li>`
}

/** A box of lines that goes on below; `keep` is how many of them stay. */
export function linesBox(box: {
  label: string
  lines: readonly Html[]
  keep: number
  command: string
  form?: string
}): Html {
  return html`<div class="log-box">
  <div class="log${box.form && ` ${box.form}`}" data-keep="${box.keep}" role="log" aria-live="off" tabindex="0" aria-label="${box.label}"><ol id="lines">${box.lines.slice(-box.keep)}</ol></div>
  <p class="cli"><span class="sr">The same as: </span><code>ssh megapolos ${box.command}</code></p>
</div>`
}
