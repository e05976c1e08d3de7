/** The same for each shipped driver of databases: attached to a running app, used, rotated under load, out and in again. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { startLoad } from './load.ts'
import { example, push } from './repository.ts'

describe.each(['mariadb', 'redis'])('a database of %s', { timeout: 240_000 }, (driver) => {
  const at = inSystem(async ({ person }) => {
    await person.must('ssh', 'megapolos', 'devices:install', driver)
    await example(person, 'notes', 'blog')
    await push(person)
  })

  const megapolos = (...words: string[]) => at.person.must('ssh', 'megapolos', ...words)

  test('is attached to a running app, and used by it', async () => {
    expect(await at.get('blog.localhost')).toBe('no database\n')
    await megapolos('db:attach', 'blog', '--create', driver)
    expect(await at.person.must('curl', '-d', 'first', 'http://blog.localhost/')).toBe('first')
    expect(await at.get('blog.localhost')).toBe('1 notes\n')
  })

  test('is rotated under load without a failed request', async () => {
    const load = startLoad({ port: at.system.httpPort, host: 'blog.localhost', posts: true, connections: 10 })
    for (let round = 1; round <= 2; round++) await megapolos('db:credentials', `blog-${driver}`, '--rotate')
    const { requests, failures } = await load.stop()
    expect(failures).toEqual([])
    expect(requests).toBeGreaterThan(200)
  })

  test('goes out and comes in again, with what was in it', async () => {
    const dump = join(at.person.folder, 'dump')
    const before = await at.get('blog.localhost')
    await at.person.run(['ssh', 'megapolos', 'db:export', `blog-${driver}`], { to: dump })
    await at.person.must('curl', '-d', 'one more', 'http://blog.localhost/')
    expect(await at.get('blog.localhost')).not.toBe(before)
    const { exit, output } = await at.person.run(['ssh', 'megapolos', 'db:import', `blog-${driver}`], { from: dump })
    expect(output).toContain(`What was in it before is blog-${driver}-before-`)
    expect(exit).toBe(0)
    expect(await at.get('blog.localhost')).toBe(before)
  })

  test('lets go, and is destroyed with everything', async () => {
    await megapolos('db:detach', 'blog', `blog-${driver}`)
    expect(await at.get('blog.localhost')).toBe('no database\n')
    await megapolos('db:destroy', `blog-${driver}`, '--confirm', `blog-${driver}`)
    expect(await megapolos('db:list')).not.toMatch(new RegExp(`^blog-${driver} `, 'm'))
  })
})
