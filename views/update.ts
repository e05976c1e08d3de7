/** What to send so that a browser that shows one drawing of a page shows another, and nothing else moves. */
import { type Html, html } from './html.ts'
import type { Page } from './page.ts'

export function update(shown: Page | null, next: Page): Html[] {
  if (shown && frame(shown) === frame(next)) return changedParts(shown, next)
  return [partial('#live', 'innerMorph', next.main)]
}

export function partial(
  target: string,
  swap: 'innerMorph' | 'outerMorph' | 'innerHTML' | 'beforeend',
  body: unknown,
): Html {
  return html`<hx-partial hx-target="${target}" hx-swap="${swap}">${body}</hx-partial>`
}

function changedParts(shown: Page, next: Page): Html[] {
  return Object.entries(next.parts)
    .filter(([id, body]) => `${body}` !== `${shown.parts[id]}`)
    .map(([id, body]) => partial(`#${id}`, 'outerMorph', body))
}

/** The page without its parts: as long as it stays the same, sending parts is enough. */
function frame({ main, parts }: Page): string {
  const text = `${main}`
  let frame = ''
  let at = 0
  for (const [id, body] of Object.entries(parts)) {
    const found = text.indexOf(`${body}`, at)
    if (found < 0) throw new Error(`part ${id} is not on its page`)
    frame += `${text.slice(at, found)}<${id}>`
    at = found + `${body}`.length
  }
  return frame + text.slice(at)
}
