import { expect, test } from 'vitest'
import { html } from './html.ts'
import type { Page } from './page.ts'
import { update } from './update.ts'

function page(rows: readonly string[], heading = 'Apps'): Page {
  const parts = Object.fromEntries(rows.map((row, at) => [`row-${at}`, html`<li id="row-${at}">${row}</li>`]))
  const main = html`<h1>${heading}</h1><ul>${Object.values(parts)}</ul>`
  return { title: heading, menu: 'home', topics: [], parts, main }
}

const sent = (shown: Page | null, next: Page) => update(shown, next).map(String)

test('a page that nobody has is sent whole', () => {
  expect(sent(null, page(['a']))).toEqual([
    '<hx-partial hx-target="#live" hx-swap="innerMorph"><h1>Apps</h1><ul><li id="row-0">a</li></ul></hx-partial>',
  ])
})

test('a page that stays the same sends nothing', () => {
  expect(sent(page(['a', 'b']), page(['a', 'b']))).toEqual([])
})

test('a part that changed is sent alone', () => {
  expect(sent(page(['a', 'b', 'c']), page(['a', 'B', 'c']))).toEqual([
    '<hx-partial hx-target="#row-1" hx-swap="outerMorph"><li id="row-1">B</li></hx-partial>',
  ])
})

test.each([
  ['a part more', page(['a']), page(['a', 'b'])],
  ['a part less', page(['a', 'b']), page(['a'])],
  ['a change outside of the parts', page(['a']), page(['a'], 'All apps')],
])('%s sends the page whole', (_, shown, next) => {
  expect(sent(shown, next)).toHaveLength(1)
  expect(sent(shown, next)[0]).toContain('hx-target="#live"')
})

test('equal parts are told apart by their place', () => {
  const same = html`<li>same</li>`
  const twice = (outside: string): Page => ({
    ...page([]),
    parts: { one: same, two: same },
    main: html`${same}${outside}${same}`,
  })
  expect(sent(twice('-'), twice('-'))).toEqual([])
  expect(sent(twice('-'), twice('+'))[0]).toContain('hx-target="#live"')
})
