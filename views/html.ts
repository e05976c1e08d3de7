/** Markup as a value: whatever is put into it is escaped, unless it is markup itself. */
import { html as tagged } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'

export type Html = HtmlEscapedString

export function html(strings: TemplateStringsArray, ...values: unknown[]): Html {
  // It would be a promise only if one of the values were; pages wait for what they show before they draw it.
  return tagged(strings, ...values) as Html
}
