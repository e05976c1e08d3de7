import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { open, readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aToken, type GitWorld, makeWork, startGitWorld } from '../../test/git-world.ts'
import type { Context } from '../commands/command.ts'
import { hashOfToken, newToken } from '../commands/token.ts'
import { UserError } from '../errors.ts'

// Real pushes by a real git through the real door and hook; what the kernel makes of them is played.
let world: GitWorld
const bytes = () => randomBytes(1_000)

beforeAll(async () => {
  world = await startGitWorld()
})

afterAll(() => world?.stop())

const nothingLeft = () => expect.poll(() => world.leftOver()).toEqual([])
const pushTo = (branch: string, work: string) => world.run(['git', 'push', world.url(), `main:${branch}`], work)
const branches = async () => (await world.run(['git', 'ls-remote', world.url()])).out

/** A push that goes on until the kernel has heard of it, and what it was told. */
async function pushUntilDecided(branch: string, then: (context: Context) => Promise<string[]>) {
  const work = await makeWork(world, branch, bytes())
  const asked = Promise.withResolvers<Context>()
  world.decide = async (context) => {
    await context.source?.resume().toArray()
    asked.resolve(context)
    return then(context)
  }
  const child = spawn('git', ['push', world.url(), `main:${branch}`], { cwd: work, detached: true })
  const context = await asked.promise
  const hangUp = () => process.kill(-(child.pid as number), 'SIGKILL')
  return { child, context, hangUp, commit: (await world.run(['git', 'rev-parse', 'HEAD'], work)).out.trim() }
}

test('the kernel hears who pushes, from where and what, and the pusher hears every line when it is said', async () => {
  const goOn = Promise.withResolvers<void>()
  const { child, context } = await pushUntilDecided('lines', async ({ emit }) => {
    emit('-----> Building ä')
    await goOn.promise
    return ['-----> lines is live']
  })
  expect(context.actor).toEqual({ name: 'ci', role: 'deployer', door: 'http', from: '127.0.0.1' })
  let said = ''
  child.stderr.on('data', (chunk) => (said += chunk))
  await expect.poll(() => said).toContain('remote: -----> Building ä')
  expect(said).not.toContain('is live')
  goOn.resolve()
  const [code] = await once(child, 'close')
  expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('remote: -----> lines is live') })
  await nothingLeft()
})

test('a push that the kernel refuses is refused, with the reason as its last words', async () => {
  world.decide = async () => {
    throw new UserError('refused', 'The build failed.', 'Push again.')
  }
  const { code, out } = await pushTo('refused', await makeWork(world, 'refused', bytes()))
  expect(code).toBe(1)
  expect(out).toMatch(/remote: {2}! {5}The build failed\. *\nremote: {2}! {5}Push again\./)
  expect(out).toContain('! [remote rejected] main -> refused (pre-receive hook declined)')
  expect(await branches()).not.toContain('refused')
})

test('a token that is revoked while the pack is on its way decides nothing any more', async () => {
  const token = newToken()
  const hash = hashOfToken(token) ?? ''
  world.tokens.set(hash, aToken('leaver'))
  let decided = false
  world.decide = async () => {
    decided = true
    return []
  }
  const work = await makeWork(world, 'leaver', bytes())
  // git waits in here, after it has opened the repository and before it sends anything.
  const wait = '#!/bin/sh\nread -r _ < gate || exit 0\n'
  await world.run(['mkfifo', 'gate'], work)
  await writeFile(join(work, '.git/hooks/pre-push'), wait, { mode: 0o755 })
  const pushing = world.run(['git', 'push', world.url(token), 'main:leaver'], work)
  const gate = await open(join(work, 'gate'), 'w')
  world.tokens.delete(hash)
  await gate.close()
  const { code, out } = await pushing
  expect(code).not.toBe(0)
  expect(out).toMatch(/401|Authentication failed/)
  expect(decided).toBe(false)
})

test('who hangs up before the decision cancels the push, and nothing is left of it', async () => {
  const { context, hangUp } = await pushUntilDecided('cancelled', async ({ signal }) => {
    await once(signal, 'abort')
    throw new UserError('cancelled', 'The push was cancelled.')
  })
  expect(context.signal.aborted).toBe(false)
  hangUp()
  await expect.poll(() => context.signal.aborted).toBe(true)
  await nothingLeft()
  expect(await branches()).not.toContain('cancelled')
})

test('a push that was decided before its pusher hung up moves the branch all the same', async () => {
  const gone = Promise.withResolvers<void>()
  const { context, hangUp, commit } = await pushUntilDecided('decided', async ({ emit }) => {
    await gone.promise
    for (let line = 0; line < 20_000; line++) emit('-----> nobody reads this')
    return []
  })
  hangUp()
  await expect.poll(() => context.signal.aborted).toBe(true)
  gone.resolve()
  await nothingLeft()
  expect(await branches()).toContain(`${commit}\trefs/heads/decided`)
})

test('what was pushed can be cloned, shallow, and the rest of it fetched', async () => {
  world.decide = async ({ source }) => {
    await source?.resume().toArray()
    return []
  }
  const work = await makeWork(world, 'history', bytes())
  for (const message of ['two', 'three']) {
    const commit = [
      '-c',
      'user.name=A',
      '-c',
      'user.email=a@example.com',
      'commit',
      '-q',
      '--allow-empty',
      '-m',
      message,
    ]
    await world.run(['git', ...commit], work)
  }
  expect((await pushTo('history', work)).code).toBe(0)
  const clone = ['git', 'clone', '--quiet', '--branch', 'history', '--depth', '1', world.url(), 'clone']
  expect(await world.run(clone)).toMatchObject({ code: 0 })
  const count = async () => (await world.run(['git', 'rev-list', '--count', 'HEAD'], join(world.folder, 'clone'))).out
  expect(await count()).toBe('1\n')
  expect(await world.run(['git', 'fetch', '--quiet', '--unshallow'], join(world.folder, 'clone'))).toMatchObject({
    code: 0,
  })
  expect(await count()).toBe('3\n')
})

test('when 32 are at it the next one is told to come back, until they have left', async () => {
  const headers = { authorization: `Basic ${Buffer.from(`x:${world.token}`).toString('base64')}` }
  const to = { host: '127.0.0.1', port: world.port, path: '/blog.git/git-receive-pack', method: 'POST', headers }
  let refused = 0
  const waiting = Array.from({ length: 40 }, () => {
    const asked = request(to, () => {
      refused += 1
    })
    asked.on('error', () => {})
    asked.write('00')
    return asked
  })
  try {
    // Before that, git itself might take the place of one of them, and give it back.
    await expect.poll(() => refused).toBe(8)
    expect(await branches()).toMatch(/remote: +! {5}Too many pushes and fetches at once; try again/)
  } finally {
    for (const asked of waiting) asked.destroy()
  }
  await expect.poll(branches).not.toContain('Too many')
})

// `npm run test:large-pushes` makes it 200.
const megabytes = Number(process.env.MEGAPOLOS_PUSH_MB ?? 20)

test(`four pushes of ${megabytes} MB at once leave the door small`, { timeout: 600_000 }, async () => {
  const names = ['one', 'two', 'three', 'four']
  const works: string[] = []
  for (const name of names) works.push(await makeWork(world, name, randomBytes(megabytes * 1_000_000)))
  const before = await memory('VmRSS')
  const begun = performance.now()
  const pushed = await Promise.all(works.map((work, index) => pushTo(`large-${names[index]}`, work)))
  const seconds = (performance.now() - begun) / 1000
  const peak = await memory('VmHWM')
  console.log(`4 × ${megabytes} MB in ${seconds.toFixed(1)} s: ${before} MB before, ${peak} MB at most`)
  expect(pushed.map(({ code, out }) => [code, code === 0 ? '' : out])).toEqual(names.map(() => [0, '']))
  expect(peak).toBeLessThan(200)
  await nothingLeft()
})

async function memory(field: string): Promise<number> {
  const status = await readFile(`/proc/${world.door.pid}/status`, 'utf8')
  return Math.round(Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024)
}
