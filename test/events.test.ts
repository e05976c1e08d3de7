/** What nobody asked for is told as well. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { quickly } from './quickly.ts'
import { example, push } from './repository.ts'

describe('events', { timeout: 120_000 }, () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'node-procfile', 'blog')
    await push(person)
  })

  test('a container that crashes is told of, live, and so is that one was missing', async () => {
    const live = follow()
    // It hears of everything from its first line on.
    await soon(live, /\n/)
    await quickly('docker', 'kill', await container())
    await soon(live, /web\.1 of blog crashed with code 137\.\n/)
    await expect.poll(container, { timeout: 20_000 }).not.toBe('')
    await quickly('docker', 'rm', '--force', await container())
    await soon(live, /web\.1 of blog was missing, and is started again\.\n/)
    expect(await at.person.must('ssh', 'megapolos', 'events', '--app', 'blog')).toContain('crashed with code 137')
  })

  test('containers that are wanted to end are no crash', async () => {
    const crashes = async () => (await events()).split('\n').filter((line) => /crashed|ended with|killed/.test(line))
    const before = await crashes()
    await at.person.must('ssh', 'megapolos', 'ps:restart', 'blog')
    await at.person.must('ssh', 'megapolos', 'ps:stop', 'blog')
    await at.person.must('ssh', 'megapolos', 'ps:start', 'blog')
    await expect.poll(events, { timeout: 10_000 }).toMatch(/start by tester is done/)
    expect(await crashes()).toEqual(before)
  })

  test('that the kernel stopped and started is told of', async () => {
    await quickly(join(import.meta.dirname, '../install.sh'), 'restart', 'kernel', '--home', at.system.home)
    await expect.poll(events, { timeout: 10_000 }).toMatch(/MegapolOS \S+ stopped\.\n.*MegapolOS \S+ started\./)
  })

  const events = () => at.person.must('ssh', 'megapolos', 'events', '--num', '200')
  const container = async () => (await at.person.must('docker', 'ps', '--quiet')).split('\n')[0] ?? ''

  /** What `events --tail` prints from now on. */
  function follow() {
    const live = { said: '' }
    const command = `/usr/local/bin/${at.system.user}`
    const child = spawn(command, ['events', '--tail', '--num', '1'])
    child.stdout.on('data', (text) => (live.said += text))
    onTestFinished(() => void child.kill())
    return live
  }

  const soon = (live: { said: string }, text: RegExp) =>
    expect.poll(() => live.said, { timeout: 20_000, interval: 100 }).toMatch(text)
})
