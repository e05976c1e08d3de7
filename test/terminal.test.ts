import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { quickly } from './quickly.ts'
import { example, push } from './repository.ts'

describe('terminals', { timeout: 60_000 }, () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'node-procfile', 'blog')
    await push(person)
  })

  // A tmux server of its own: a real terminal whose size, keys and picture a test can have.
  let tmux: (...words: string[]) => Promise<string>

  beforeEach(() => {
    const socket = `megapolos-${randomUUID()}`
    tmux = (...words) => quickly('tmux', '-L', socket, '-f', '/dev/null', ...words)
  })

  afterEach(() => tmux('kill-server').catch(() => ''))

  /** Opens `ssh -t megapolos …` in a terminal of 100 × 30, and says there how it ended. */
  async function open(...words: string[]): Promise<void> {
    const ssh = ['ssh', '-t', '-F', join(at.system.tester, '.ssh/config'), 'megapolos', ...words]
    const shell = ['sh', '-c', '"$@"; echo "ended with $?"; sleep 60', 'sh', ...ssh]
    await tmux('new-session', '-d', '-x', '100', '-y', '30', ...shell)
  }

  const type = (line: string) => tmux('send-keys', line, 'Enter')
  const sees = (text: string | RegExp) =>
    expect.poll(() => tmux('capture-pane', '-p'), { timeout: 15_000, interval: 100 }).toMatch(text)
  /** Prints the size once it is this one: a window's size and what is typed come beside each other. */
  const sizeOnce = (size: string) => `until stty size | grep -qx "${size}"; do sleep 0.1; done; stty size`
  const endsWith = (code: number) => sees(new RegExp(`^ended with ${code}$`, 'm'))

  test('run opens a shell in a fresh container, as large as the window and resized with it', async () => {
    await open('run', 'blog', 'sh')
    await sees(/^\$/m)
    await type(sizeOnce('30 100'))
    await sees(/^30 100$/m)
    await tmux('resize-window', '-x', '72', '-y', '20')
    await type(sizeOnce('20 72'))
    await sees(/^20 72$/m)
  })

  test('Ctrl-C ends the program inside, not the session; the exit code of the shell arrives', async () => {
    await open('run', 'blog', 'sh')
    await type('echo before; sleep 60; echo after $?')
    await sees(/^before$/m)
    await tmux('send-keys', 'C-c')
    await type('echo "still"" here"')
    await sees(/^still here$/m)
    await type('exit 37')
    await endsWith(37)
  })

  test('enter opens a shell in the container that serves', async () => {
    const served = (await at.person.must('docker', 'ps', '--quiet', '--no-trunc')).split('\n')
    await open('enter', 'blog')
    await sees(/^\$/m)
    await type(`${sizeOnce('30 100')}; pid=$(cat /proc/1/cmdline | tr "\\0" " "); echo "first: $pid"`)
    await sees(/^30 100$/m)
    await sees(/^first: .*web\.js/m)
    await type('exit')
    await endsWith(0)
    expect((await at.person.must('docker', 'ps', '--quiet', '--no-trunc')).split('\n')).toEqual(served)
  })

  test('without a terminal, streams stay apart, standard input arrives and the exit code returns', async () => {
    const { person } = at
    const run = ['ssh', 'megapolos', 'run', 'blog']
    expect(await person.run([...run, 'sh', '-c', "'echo out; exit 37'"])).toEqual({ exit: 37, output: 'out\n' })
    expect(await person.run([...run, 'cat'], { from: join(person.folder, 'Procfile') })).toEqual({
      exit: 0,
      output: 'web: node web.js\nworker: node worker.js\nrelease: node release.js\n',
    })
    const apart = await person.run([...run, 'sh', '-c', "'echo out; echo err >&2'"], { to: '/dev/null' })
    expect(apart).toEqual({ exit: 0, output: 'err\n' })
  })

  test('hanging up ends the container of run', async () => {
    await open('run', 'blog', 'sh')
    await type('echo "I am"" here"')
    await sees(/^I am here$/m)
    const withRun = await containers()
    await tmux('kill-server')
    await expect.poll(containers, { timeout: 20_000, interval: 200 }).toBe(withRun - 1)
  })

  async function containers(): Promise<number> {
    return (await at.person.must('docker', 'ps', '--all', '--quiet')).split('\n').length
  }
})
