/** Secrets are planted by every door that takes them, and looked for wherever the server writes. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { example, push } from './repository.ts'
import { filesWith, watchProcesses } from './traces.ts'

/** Long enough not to be there by chance. */
const secret = (what: string) => `planted-${what}-${'x'.repeat(12)}`

describe('secrets', { timeout: 120_000 }, () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'node-procfile', 'blog')
    await push(person)
  })

  test('neither the store nor a log nor the list of processes has them, and the audit log has their names', async () => {
    const { person, system } = at
    const processes = watchProcesses()
    await person.must('ssh', 'megapolos', 'config:set', 'blog', `API_KEY=${secret('set')}`, `B=${secret('second')}`)
    await writeFile(join(person.folder, 'blog.env'), `D=${secret('import')}\n`)
    const from = { from: join(person.folder, 'blog.env') }
    expect((await person.run(['ssh', 'megapolos', 'config:import', 'blog', '--no-restart'], from)).exit).toBe(0)
    await writeFile(from.from, `${secret('password')}\n`)
    expect((await person.run(['ssh', 'megapolos', 'auth:set', 'blog', 'ann', '--password-stdin'], from)).exit).toBe(0)
    await system.console('config:set', 'blog', `C=${secret('console')}`, '--no-restart')
    await person.must('ssh', 'megapolos', 'notify:add', `http://127.0.0.1:9/${secret('webhook')}`)
    const seen = (await processes.end()).filter((line) => line.includes('planted-') && !typedBy.test(line))
    await person.must('ssh', 'megapolos', 'config:get', 'blog', 'API_KEY')
    await person.run(['ssh', 'megapolos', 'run', 'blog', 'echo', secret('run')])
    // Refused, because there is no such app: what was given is masked all the same.
    await person.run(['ssh', 'megapolos', 'config:set', 'shop', `A=${secret('refused')}`])
    const login = JSON.parse(await person.must('ssh', 'megapolos', 'login', '--format', 'json'))
    const token = new URL(login.url).searchParams.get('token') ?? 'none'
    expect(await signIn(login.url, token)).toBe(303)

    const audit = await person.must('ssh', 'megapolos', 'audit', '--num', '20')
    expect(audit).toContain('config:set blog API_KEY=*** B=***')
    expect(audit).toMatch(/ok +notify:add \*\*\*/)
    expect(audit).toContain('config:set shop A=***')
    expect(audit).toMatch(/ok +run blog \*\*\*/)
    expect(audit).toMatch(/ok +config:get blog API_KEY/)
    await expect
      .poll(() => person.must('ssh', 'megapolos', 'events', '--num', '3'), { timeout: 5000 })
      .toContain('tester signed in to the panel.')

    expect(seen).toEqual([])
    expect(await filesWith(system.home, ['planted-', token])).toEqual([])
  })

  async function signIn(url: string, token: string): Promise<number> {
    const { origin } = new URL(url)
    const body = new URLSearchParams({ token })
    return (await fetch(`${origin}/login`, { method: 'POST', headers: { origin }, body, redirect: 'manual' })).status
  }
})

/** The ssh client, and the console's command, which is what was typed. */
const typedBy = /^ssh\0|^[^\0]*sh\0(\/usr\/local\/bin\/megapolos-e2e[^\0]*|[^\0]*\/forced-command\0--console)\0/
