import { beforeAll, describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { startLoad } from './load.ts'
import { example, push } from './repository.ts'

describe('apps that call each other', { timeout: 180_000 }, () => {
  let listener: string
  const at = inSystem(async ({ person, system }) => {
    listener = system.pool.replace(/0\.0\/16$/, '251.255')
    const folder = person.folder
    for (const [app, name] of [
      ['node-procfile', 'blog'],
      ['caller', 'shop'],
      ['caller', 'thief'],
    ] as const) {
      person.folder = folder
      await example(person, app, name)
      await push(person)
    }
  })
  beforeAll(() => typed('links:add', 'shop', 'blog'))

  const typed = (...words: string[]) => at.person.must('ssh', 'megapolos', ...words)
  const curl = async (where: string) => (await at.person.run(['curl', `http://${where}`])).output
  /** What the app is answered at this URL, under this name. */
  const asks = (app: string, url: string, host: string) =>
    curl(`${app}.localhost/at?${new URLSearchParams({ url, host })}`)

  test('five rollouts of the one that is called lose no request of the other', async () => {
    const load = startLoad({ port: at.system.httpPort, host: 'shop.localhost', path: '/blog', posts: true })
    for (let round = 1; round <= 5; round++) await typed('config:set', 'blog', `GREETING=${round}:`)
    const { requests, failures, answers } = await load.stop()
    expect(failures).toEqual([])
    expect(answers).toHaveLength(6)
    expect(requests).toBeGreaterThan(1_000)
  })

  test('nobody else reaches the listener, and who may call one app is refused at the name of another', async () => {
    const url = `http://${listener}:${at.system.httpPort}/`
    expect(await asks('shop', url, 'blog.internal')).toContain('version one')
    expect(await asks('thief', url, 'blog.internal')).toBe('ECONNREFUSED\n')
    await typed('links:add', 'thief', 'shop')
    expect(await asks('thief', url, 'shop.internal')).toBe('nobody to ask\n')
    for (const name of ['blog.internal', 'blog.localhost', 'git.localhost', 'nothing.internal', listener])
      expect(await asks('thief', url, name), name).toContain('Forbidden')
    for (const name of ['shop.internal', 'shop.localhost'])
      expect(await asks('shop', url, name), name).toContain('Forbidden')
    expect(await asks('shop', `http://${listener}:${at.system.httpPort + 1}/`, 'blog.internal')).toBe('ECONNREFUSED\n')
  })

  test('taken back, it is closed at once, for connections that are kept as well, and opened again the same', async () => {
    const asked = () => curl('shop.localhost/blog')
    expect(await asked()).toContain('version one')
    await typed('links:remove', 'shop', 'blog', '--no-restart')
    expect(await asked()).toMatch(/Forbidden|ECONNREFUSED/)
    await typed('links:add', 'shop', 'blog', '--no-restart')
    expect(await asked()).toContain('version one')
  })
})
