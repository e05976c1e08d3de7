/** The panel of a real system, looked at while somebody pushes. */
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { live, openBrowser, openView, signIn, type View } from './browser.ts'
import { letGo } from './crash/cell.ts'
import { inSystem } from './in-system.ts'
import { become, commit, edit, example, push } from './repository.ts'

describe('the panel while somebody pushes', { timeout: 180_000 }, () => {
  const at = inSystem()
  let browser: Browser
  let view: View
  let page: Page

  beforeAll(async () => {
    browser = await openBrowser()
    view = await openView(browser)
    page = view.page
    await signIn(page, link(await at.person.must('ssh', 'megapolos', 'login')))
  })
  afterAll(() => browser?.close())

  test('the first push appears without a reload, and runs in the end', async () => {
    await live(page)
    await page.getByText('Waiting for the first push').waitFor()
    await page.evaluate('window.same = true')
    await example(at.person, 'node-procfile', 'blog')
    const pushing = push(at.person)
    await page.locator('#app-blog').waitFor({ timeout: 60_000 })
    await pushing
    await page.locator('#app-blog .state.ok').waitFor()
    expect(await page.locator('#app-blog').textContent()).toMatch(/blogblog\.localhost:\d+Runningv1web 1/)
    expect(await page.evaluate('window.same')).toBe(true)
  })

  test('a second push is seen while it runs, its output line by line', async () => {
    await page.getByRole('link', { name: 'blog', exact: true }).click()
    await live(page)
    await become(at.person, 'held')
    await edit(at.person, 'hold.js', 'no step', 'build')
    await edit(at.person, 'package.json', 'version-one', 'watched')
    await edit(
      at.person,
      'web.js',
      "const http = require('node:http')",
      "const http = require('node:http')\nconsole.log('up and well')",
    )
    await commit(at.person, 'Say something')
    const pushing = push(at.person)
    try {
      await page.getByText('A push runs').waitFor()
      await page.getByRole('link', { name: 'Watch it' }).click()
      await page.getByText('-----> Building').waitFor()
    } finally {
      // Its build is held until it was seen.
      const stop = letGo('watched')
      await pushing.finally(stop)
    }
    await page.getByText('v2 is live.').first().waitFor()
    await page.getByRole('link', { name: 'blog', exact: true }).click()
    await page.locator('#lines').getByText('up and well').waitFor()
    await page.getByText('Release v2').waitFor()
  })

  test('a refused push tells why, and that the release before serves', async () => {
    await become(at.person, 'release-fails')
    expect((await at.person.run(['git', 'push', 'megapolos', 'main'])).exit).not.toBe(0)
    const verdict = page.locator('#app-verdict')
    await verdict.getByText('The last push was refused').waitFor()
    expect(await verdict.textContent()).toContain('code 4')
    expect(await verdict.textContent()).toContain('v2 serves as before')
    expect(view.complaints).toEqual([])
  })

  test('nobody reaches it through the proxy, whatever name they ask for', async () => {
    expect(await at.get('panel.localhost')).toContain('No application answers to this name')
  })

  test('a viewer sees the same, and is shut out when the key is removed', async () => {
    const friend = join(at.person.home, '.ssh/friend.pub')
    await at.person.run(['ssh', 'megapolos', 'keys:add', 'friend', '--role', 'viewer'], { from: friend })
    const { page } = await openView(browser, 390)
    await signIn(page, link(await at.person.must('ssh', 'megapolos-as-friend', 'login')))
    await page.locator('#app-blog .state.ok').waitFor()
    await at.person.must('ssh', 'megapolos', 'keys:remove', 'friend')
    await page.reload()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  })
})

function link(said: string): string {
  return said.match(/http:\S+/)?.[0] ?? said
}
