import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { inFlight, webAddresses } from './in-flight.ts'
import { inSystem } from './in-system.ts'
import { startLoad } from './load.ts'
import { become, commit, edit, example, push } from './repository.ts'
import { startSockets } from './sockets.ts'

/** All of them: `npm run test:soak`. */
const changes = process.env.MEGAPOLOS_SOAK ? 100 : 20
/** Seconds that an old group may still serve what it serves; after that it is stopped. */
const drainLimit = 60

describe('a running app', () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'node-websocket', 'blog')
    await push(person)
  })
  const ssh = (...words: string[]) => at.person.must('ssh', 'megapolos', ...words)
  const answer = () => at.get('blog.localhost')

  let text = 'version one'
  let round = 0
  /** In this order, again and again; each sees that it has worked. */
  const acts: readonly (() => Promise<void>)[] = [
    async function pushed() {
      const next = `version ${++round}`
      await edit(at.person, 'web.js', text, next)
      text = next
      await commit(at.person, text)
      await push(at.person)
      expect(await answer()).toContain(text)
    },
    async function domainAdded() {
      await ssh('domains:add', 'blog', 'one.test', 'two.test')
      expect(await at.get('two.test')).toContain(text)
    },
    async function configured() {
      await ssh('config:set', 'blog', `GREETING=${round}:`)
      expect(await answer()).toBe(`${round}: ${text}\n`)
    },
    async function scaledUp() {
      await ssh('ps:scale', 'blog', 'web=2')
    },
    async function rolledBack() {
      await ssh('releases:rollback', 'blog')
      expect(await answer()).not.toBe(`${round}: ${text}\n`)
    },
    async function refused() {
      await become(at.person, 'exits-at-start')
      const { exit, output } = await at.person.run(['git', 'push', 'megapolos', 'main'])
      expect(exit, output).not.toBe(0)
      await at.person.must('git', 'reset', '--quiet', '--hard', 'HEAD~1')
    },
    async function domainsSet() {
      await ssh('domains:set', 'blog', 'one.test', 'three.test')
      expect(await at.get('three.test')).toContain(text)
    },
    async function scaledDown() {
      await ssh('ps:scale', 'blog', 'web=1')
    },
    async function domainRemoved() {
      await ssh('domains:remove', 'blog', 'three.test')
      expect(await at.get('three.test')).toContain('Not found')
    },
    async function restarted() {
      await ssh('ps:restart', 'blog')
      expect(await answer()).toContain(text)
    },
  ]

  test(`${changes} changes lose no request of 40 clients, and cut none of 10 WebSockets before its time`, {
    timeout: (changes * 6 + 240) * 1000,
  }, async () => {
    const { httpPort: port } = at.system
    const load = startLoad({ port, host: 'blog.localhost', posts: true })
    const sockets = startSockets(port, 'blog.localhost', 10)
    let most = 0
    for (let change = 0; change < changes; change++) {
      await acts[change % acts.length]?.()
      most = Math.max(most, (await webAddresses(at)).length)
    }
    // The last old group goes when its WebSockets have had their time.
    const end = performance.now() + (drainLimit + 40) * 1000
    while ((await webAddresses(at)).length > 1 && performance.now() < end) await pause(500)
    const [asked, talked] = [await load.stop(), await sockets.stop()]
    const ages = talked.cut.map((age) => Math.round(age)).sort((a, b) => a - b)
    console.log(
      `soak: ${changes} changes, ${asked.requests} requests (slowest ${asked.slowest} ms), ${asked.failures.length} failed; ` +
        `${talked.opened} WebSockets, cut at the age of ${ages.join(', ')} s; at most ${most} containers at once`,
    )
    expect(asked.failures).toEqual([])
    expect(talked.failures).toEqual([])
    expect(talked.cut.filter((age) => age < drainLimit)).toEqual([])
    expect(talked.cut.length).toBeGreaterThan(0)
    expect(await webAddresses(at)).toHaveLength(1)
    expect(await inFlight(at)).toEqual(0)
  })
})
