import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { startLoad } from './load.ts'
import { startTlsLoad } from './load-tls.ts'
import { example, push } from './repository.ts'

describe('names under load', () => {
  const at = inSystem(async ({ person }) => {
    for (const name of ['blog', 'shop']) {
      await example(person, 'node-procfile', name)
      await push(person)
      await person.must('ssh', 'megapolos', 'config:set', name, `GREETING=${name}:`)
      person.folder = `${person.folder}/..`
    }
    await person.must('ssh', 'megapolos', 'domains:add', 'blog', 'example.com')
  })

  test('20 moves of a domain to and fro, and what is said about it between them, lose no request of 40 keep-alive clients', {
    timeout: 240_000,
  }, async () => {
    const load = startLoad({ port: at.system.httpPort, host: 'example.com', posts: true })
    for (let move = 1; move <= 20; move++) {
      const to = move % 2 ? 'shop' : 'blog'
      await at.person.must('ssh', 'megapolos', 'domains:add', to, 'example.com', '--take')
      expect(await at.get('example.com')).toBe(`${to}: version one\n`)
      if (move % 5 !== 0) continue
      await at.person.must('ssh', 'megapolos', 'proxy:set', to, `timeout=${60 + move}`)
      await at.person.must('ssh', 'megapolos', 'domains:add', 'shop', `m${move}.example.com`, `example.com/m${move}`)
    }
    await at.person.must('ssh', 'megapolos', 'ps:restart', 'blog')
    const { requests, failures, answers } = await load.stop()
    expect(failures).toEqual([])
    expect([...answers].sort()).toEqual(['blog: version one\n', 'shop: version one\n'])
    expect(requests).toBeGreaterThan(2_000)
  })

  test('20 moves, 20 new certificates and rollouts between them lose no request of 40 clients over TLS, half of them over HTTP/2; maintenance answers 503 and nothing else', {
    timeout: 240_000,
  }, async () => {
    const megapolos = (line: string) => at.person.must('ssh', 'megapolos', ...line.split(' '))
    await megapolos('certs:generate blog example.com')
    const load = startTlsLoad({ port: at.system.httpsPort, host: 'example.com' })
    for (let move = 1; move <= 20; move++) {
      const to = move % 2 ? 'shop' : 'blog'
      await megapolos(`domains:add ${to} example.com --take`)
      await megapolos(`certs:generate ${to} example.com`)
      if (move % 8 === 0) await megapolos(`ps:restart ${to}`)
    }
    const { failures } = load.report()
    expect(failures).toEqual([])
    for (let round = 1; round <= 3; round++) {
      await megapolos('maintenance:on blog')
      await expect.poll(() => failures.length, { timeout: 10_000 }).toBeGreaterThan(40 * round)
      await megapolos('maintenance:off blog')
      expect(await at.get('shop.localhost')).toBe('shop: version one\n')
    }
    const { requests, answers } = await load.stop()
    expect(failures.filter((failure) => !failure.includes('status 503'))).toEqual([])
    expect([...answers].sort()).toEqual(['blog: version one\n', 'shop: version one\n'])
    expect(requests).toBeGreaterThan(2_000)
  })
})
