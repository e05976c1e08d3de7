/** What databases promise that cannot be typed, with the shipped driver of the first one. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { startLoad } from './load.ts'
import { commit, example, push } from './repository.ts'
import { filesWith, watchProcesses } from './traces.ts'

describe('databases', { timeout: 240_000 }, () => {
  const at = inSystem(async ({ person }) => {
    await person.must('ssh', 'megapolos', 'devices:install', 'postgres')
    await example(person, 'notes', 'blog')
    await writeFile(join(person.folder, 'app.json'), '{"addons": ["heroku-postgresql:mini", "papertrail"]}')
    await commit(person, 'Wish for a database')
    const said = await push(person)
    expect(said).toContain('Warning: app.json wishes for the addon papertrail, which no driver here provides.')
  })

  const megapolos = (...words: string[]) => at.person.must('ssh', 'megapolos', ...words)
  const url = () => megapolos('config:get', 'blog', 'DATABASE_URL')
  const rotate = () => megapolos('db:credentials', 'blog-postgres', '--rotate')

  test('what app.json wishes for was created and attached at the first push', async () => {
    expect(await at.get('blog.localhost')).toBe('0 notes\n')
    expect(await megapolos('attachments', 'blog')).toMatch(/blog +blog-postgres +DATABASE +DATABASE_URL/)
  })

  test('three rotations under load: no request fails, and no password leaves a trace', async () => {
    const load = startLoad({ port: at.system.httpPort, host: 'blog.localhost', posts: true, connections: 10 })
    const lines = watchProcesses()
    const passwords = [new URL(await url()).password]
    for (let round = 1; round <= 3; round++) {
      await rotate()
      passwords.push(new URL(await url()).password)
    }
    const { requests, failures } = await load.stop()
    const seen = (await lines.end()).filter((line) => passwords.some((password) => line.includes(password)))
    expect(failures).toEqual([])
    expect(requests).toBeGreaterThan(500)
    expect(new Set(passwords).size).toBe(4)
    expect(seen).toEqual([])
    expect(await filesWith(at.system.home, passwords)).toEqual([])
    expect(await megapolos('audit', '--num', '50')).not.toContain(passwords[0])
  })

  test('a rotation whose kernel is killed before the old login is revoked is finished by the next one', async () => {
    const before = await url()
    // The request is as slow as it has to be: it waits for a lock that is held here.
    const holder = new pg.Client({ connectionString: before })
    await holder.connect()
    await holder.query('SELECT pg_advisory_lock(1)')
    const slow = at.person.run(['curl', 'http://blog.localhost/slow?ms=0'])
    await expect.poll(slowOnes, { timeout: 10_000 }).toBeGreaterThan(0)
    await rotate()
    const kernel = await at.system.pid('kernel')
    process.kill(kernel, 'SIGKILL')
    expect(await opens(before)).toBe(true)
    await holder.end()
    // The request that was on its way still has its answer.
    expect((await slow).output).toMatch(/^\d+ notes\n$/)
    await expect.poll(() => opens(before), { timeout: 60_000, interval: 500 }).toBe(false)
    expect(await opens(await url())).toBe(true)
    expect(await at.get('blog.localhost')).toMatch(/^\d+ notes\n$/)
  })

  test('only an app that is attached reaches the server, and only as long as it is', async () => {
    const { hostname, port } = new URL(await url())
    const reach = (app: string) => megapolos('run', app, 'node', 'reach.js', hostname, port)
    await at.person.must('git', 'remote', 'add', 'shop', 'megapolos:shop')
    await megapolos('apps:create', 'shop')
    await at.person.must('rm', 'app.json')
    await commit(at.person, 'Wish for nothing')
    await at.person.must('git', 'push', 'shop', 'main')
    expect([await reach('blog'), await reach('shop')]).toEqual(['reached', 'refused'])
    await megapolos('db:attach', 'shop', 'blog-postgres')
    expect(await reach('shop')).toBe('reached')
    expect(await at.get('shop.localhost')).toBe(await at.get('blog.localhost'))
    await megapolos('db:detach', 'shop', 'blog-postgres')
    await expect.poll(() => reach('shop'), { timeout: 30_000 }).toBe('refused')
    expect(await reach('blog')).toBe('reached')
  })

  test('the client of the server is opened with a login that ends with it', async () => {
    const statements = join(at.person.folder, 'statements')
    await writeFile(statements, "SELECT 'it is ' || count(*) FROM notes;\n")
    const { exit, output } = await at.person.run(['ssh', 'megapolos', 'db:connect', 'blog-postgres'], {
      from: statements,
    })
    expect(output).toMatch(/it is \d+/)
    expect(exit).toBe(0)
    await expect.poll(logins, { timeout: 20_000 }).toEqual([new URL(await url()).username])
  })

  /** Names of those that may log in to the database, by the server itself. */
  async function logins(): Promise<string[]> {
    const client = new pg.Client({ connectionString: await url() })
    await client.connect()
    const roles = "SELECT rolname FROM pg_roles WHERE rolcanlogin AND (rolname LIKE 'blog%' OR rolname LIKE 'person%')"
    const { rows } = await client.query(roles)
    await client.end()
    return rows.map(({ rolname }) => rolname)
  }

  async function opens(connectionString: string): Promise<boolean> {
    const client = new pg.Client({ connectionString })
    client.on('error', () => {})
    return client.connect().then(
      () => client.end().then(() => true),
      () => false,
    )
  }

  /** Slow requests that wait for their lock. */
  async function slowOnes(): Promise<number> {
    const client = new pg.Client({ connectionString: await url() })
    await client.connect()
    const { rows } = await client.query(
      "SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
    )
    await client.end()
    return rows[0].n
  }
})
