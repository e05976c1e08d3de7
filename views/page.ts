/** What a page is: drawn by one function, whether for a whole document or for what changed on an open one. */
import type { Html } from './html.ts'

export interface Page {
  readonly title: string
  /** The entry of the menu that it belongs to. */
  readonly menu: 'home' | 'devices' | 'jobs'
  readonly main: Html
  /** Elements of `main` that are renewed alone when only they changed: id → markup, in the order of the page. */
  readonly parts: Readonly<Record<string, Html>>
  /** Wake-ups that concern it; one that ends in a colon stands for all that begin with it. */
  readonly topics: readonly string[]
  /** Below `main`: lines that are added to as they are printed. */
  readonly lines?: Lines
}

export interface Lines {
  readonly box: Html
  /** What to run to get them from the beginning on, or null when no more will come. */
  readonly follow: { readonly command: 'logs' | 'jobs:output'; readonly args: Record<string, unknown> } | null
  line(text: string): Html
  /** How many of them stay. */
  readonly keep: number
}

export function concerns(page: Pick<Page, 'topics'>, topic: string): boolean {
  return topic === '*' || page.topics.some((one) => (one.endsWith(':') ? topic.startsWith(one) : topic === one))
}
