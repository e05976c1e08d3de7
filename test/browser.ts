/** Debian's chromium, headless, with no traffic of its own. */
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

const path = '/usr/bin/chromium'
const quiet = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
]

export function openBrowser(): Promise<Browser> {
  if (!existsSync(path)) throw new Error('The tests of the panel need a browser: apt-get install chromium')
  return chromium.launch({ executablePath: path, args: quiet })
}

export interface View {
  readonly page: Page
  /** What the browser complained about, policy violations included; HTTP answers that are errors are not listed. */
  readonly complaints: string[]
}

/** A window of its own, without cookies. */
export async function openView(browser: Browser, width = 1440, options = {}): Promise<View> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    const text = message.text()
    if (['error', 'warning'].includes(message.type()) && !text.startsWith('Failed to load resource'))
      complaints.push(text)
  })
  return { page, complaints }
}

/** Opens the link of `login` and presses its button. */
export async function signIn(page: Page, link: string): Promise<void> {
  await page.goto(link)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL((url) => url.pathname === '/')
}

export function live(page: Page): Promise<unknown> {
  return page.waitForSelector('#pulse .ok', { state: 'attached' })
}
