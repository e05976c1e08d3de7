/** The panel in a real browser, in front of made-up answers; panel-push.test.ts has it in front of a real system. */
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { servePanel } from '../server/doors/panel.ts'
import { live, openBrowser, openView, signIn, type View } from './browser.ts'
import { appInfo, appSummary, blog, job, output, refused, release, running } from './panel-answers.ts'
import { type TestPanel, testPanel } from './panel-world.ts'

let browser: Browser
const closing: (() => unknown)[] = []

beforeAll(async () => {
  browser = await openBrowser()
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})
afterAll(() => browser?.close())

interface Opened extends View {
  world: TestPanel
  url: string
  stop(): void
}

/** A browser that is signed in and looks at this page. */
async function open(path: string, answers: Parameters<typeof testPanel>[0], width = 1440, options = {}) {
  const world = testPanel(answers)
  const served = await servePanel(world.panel, 0)
  const url = `http://localhost:${served.port}`
  const view = await openView(browser, width, options)
  closing.push(served.close, () => view.page.context().close())
  await signIn(view.page, `${url}/login?token=${world.token()}`)
  await view.page.goto(url + path)
  return { ...view, world, url, stop: served.close } satisfies Opened
}

const everything = {
  ...blog,
  'apps:list': [
    appSummary('a-name-of-forty-characters-which-is-most', 'degraded'),
    ...Array.from({ length: 30 }, (_, at) => appSummary(`app-${at}`)),
  ],
  'jobs:list': ({ active }: { active: boolean }) => [
    job(70, { ...running, app: 'a-name-of-forty-characters-which-is-most' }),
    ...(active ? [] : [job(69, refused), job(68, { result: 'word '.repeat(60) })]),
  ],
  releases: [release(3, true), { ...release(2), description: `Set ${'LONG_NAME_OF_A_CONFIG_VAR_'.repeat(4)}` }],
  'jobs:info': { ...job(69, refused), output: [...output, 'x'.repeat(400)], steps: [] },
}
const paths = [
  ...['/', '/apps/blog', '/apps/blog/releases', '/apps/blog/builds', '/apps/blog/builds/61'],
  ...['/devices', '/jobs', '/jobs/69', '/nowhere'],
]

test.each([
  [390, 'dark'],
  [1440, 'light'],
] as const)('at %i px no page breaks its policy, scrolls sideways or fails to come alive', async (width, scheme) => {
  const { page, complaints, url } = await open('/', everything, width, { colorScheme: scheme })
  for (const path of paths) {
    await page.goto(url + path)
    await live(page)
    expect([path, await page.evaluate('document.documentElement.scrollWidth - innerWidth')]).toEqual([path, 0])
  }
  expect(complaints).toEqual([])
})

test('every page can be read without scripts', async () => {
  const { page, url } = await open('/', everything, 1440, { javaScriptEnabled: false })
  await expect.poll(() => page.locator('tbody tr').count()).toBe(31)
  await page.goto(`${url}/apps/blog`)
  expect(await page.locator('#lines li').count()).toBe(2)
  expect(await page.locator('#pulse').textContent()).toMatch(/^As of /)
})

test('a change arrives without a reload, alone, and what was selected stays selected', async () => {
  const { page, world } = await open('/', everything)
  await live(page)
  await page.evaluate("getSelection().selectAllChildren(document.querySelector('#app-app-7 a'))")
  await page.evaluate("for (const row of document.querySelectorAll('tbody tr')) row.known = true")
  world.world['apps:list'] = everything['apps:list'].map((one) =>
    one.name === 'app-3' ? { ...one, state: 'deploying' } : one,
  )
  world.wake('app:id-app-3')
  await page.locator('#app-app-3 .state.busy').waitFor()
  expect(await page.locator('#summary').textContent()).toContain('1 deploying')
  expect(await page.evaluate('String(getSelection())')).toBe('app-7')
  expect(await page.evaluate("[...document.querySelectorAll('tbody tr')].every((row) => row.known)")).toBe(true)
})

test('the first push turns the three steps into the list of apps', async () => {
  const { page, world } = await open('/', {})
  await live(page)
  await page.getByText('Waiting for the first push').waitFor()
  world.world['apps:list'] = [appSummary('blog')]
  world.wake('apps')
  await page.locator('#app-blog').waitFor()
  expect(await page.locator('#entries i').first().textContent()).toBe('1')
})

test('log lines are added as they are printed, as text, and at most 500 stay', async () => {
  let print = (_line: string) => {}
  const { page } = await open('/apps/blog', {
    ...blog,
    logs: ({ tail }: { tail: boolean }, { emit }: { emit(line: string): void }) => {
      if (tail) print = (text) => emit(`2026-11-23T12:41:03Z web.1     ${text}`)
      return []
    },
  })
  await live(page)
  await expect.poll(() => print.length).toBe(1)
  print('  <b>bold</b>\r\rdata: <img src=x>')
  await page.getByText('<b>bold</b>').waitFor()
  expect(await page.locator('#lines li').last().locator('span').textContent()).toBe('  <b>bold</b>data: <img src=x>')
  for (let number = 1; number <= 600; number++) print(`line ${number}`)
  await page.getByText('line 600', { exact: true }).waitFor()
  await expect.poll(() => page.locator('#lines li').count()).toBe(500)
  expect(
    await page.evaluate(
      "(({ scrollTop, scrollHeight, clientHeight }) => scrollHeight - scrollTop - clientHeight < 2)(document.querySelector('.log'))",
    ),
  ).toBe(true)
})

test.each([
  ['build', '/apps/blog/builds/61'],
  ['job', '/jobs/61'],
])('a running %s prints on, and its verdict appears when it ends', async (_, path) => {
  let finish = () => {}
  const info = { ...job(61, running), output: ['-----> Building'], steps: [] }
  const { page, world } = await open(path, {
    ...blog,
    'jobs:info': () => info,
    'jobs:output': (_: unknown, { emit }: { emit(line: string): void }) => {
      for (const line of ['-----> Building', '       npm ci']) emit(line)
      return new Promise((resolve) => (finish = () => resolve(null)))
    },
  })
  await page.getByText('npm ci').waitFor()
  expect(await page.locator('#lines li').count()).toBe(2)
  Object.assign(info, job(61, refused))
  finish()
  world.wake('job:61')
  await page.getByRole('alert').getByText('its PORT is 5000').waitFor()
  expect(await page.locator('#lines li').count()).toBe(2)
})

test('the foot says it when updates pause: Redis away, kernel gone', async () => {
  const { page, world, stop } = await open('/', blog)
  await live(page)
  world.state.redis = false
  world.wake('*')
  await page.getByText('Live updates pause').waitFor()
  world.state.redis = true
  world.wake('*')
  await live(page)
  stop()
  await page.getByText(/^Paused since \d\d:\d\d/).waitFor()
})

test('whoever loses the key sees nothing more, without a reload', async () => {
  const { page, world } = await open('/', blog)
  await live(page)
  world.keys.clear()
  world.world['apps:list'] = [appSummary('secret-plans')]
  world.wake('apps')
  await page.locator('#pulse .warn').waitFor()
  expect(await page.getByText('secret-plans').count()).toBe(0)
})

test('a closed page is no longer watched for', async () => {
  const { page, world } = await open('/apps/blog', { ...blog, 'apps:info': appInfo('blog') })
  await live(page)
  expect(world.watchers.size).toBeGreaterThan(0)
  await page.close()
  await vi.waitFor(() => expect(world.watchers.size).toBe(0), 5000)
})

test('on a phone the menu opens and leads on, and signing out ends it', async () => {
  const { page, url } = await open('/', blog, 390)
  await page.getByRole('button', { name: 'Menu' }).click()
  await page.getByRole('link', { name: 'Devices' }).click()
  await page.getByRole('heading', { name: 'Devices' }).waitFor()
  await page.getByRole('button', { name: 'Menu' }).click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL(`${url}/login`)
  await page.goto(url)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
})
