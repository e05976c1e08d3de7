import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { openSession, run, type Start, whileRead } from './client.ts'

/** As a kernel starts programs, on this machine. */
const start: Start = async ({ command: [name = '', ...words], env, signal }) => {
  const child = spawn(name, words, { env: { PATH: '/usr/bin:/bin', ...env } })
  child.stdin.on('error', () => {})
  signal?.addEventListener('abort', () => child.kill('SIGKILL'))
  const stderr = text(child.stderr)
  const ended = once(child, 'close').then(async ([code]) => ({ code: Number(code ?? 137), stderr: await stderr }))
  return { stdin: child.stdin, stdout: child.stdout, ended }
}

test('output, complaints and the exit code come back', async () => {
  const command = ['sh', '-c', 'cat; echo "and $SECRET" >&2; exit 3']
  const ended = await run(start, { command, env: { SECRET: 'that' } }, 'said\n')
  expect(ended).toEqual({ code: 3, output: 'said\n', stderr: 'and that\n' })
})

test('an input that breaks off is what is told, not what the program makes of it', async () => {
  const breaking = Readable.from(halfAndThen(new Error('the archive is gone')))
  await expect(run(start, { command: ['sh', '-c', 'cat; exit 1'] }, breaking)).rejects.toThrow('the archive is gone')
})

test('a program that ends well before it has read everything has not ended well', async () => {
  const long = Readable.from([Buffer.alloc(4 * 1024 * 1024)])
  expect((await run(start, { command: ['head', '-c', '10'] }, long)).code).not.toBe(0)
})

test('a program that ends is not waited for any longer because its input goes on', async () => {
  const halting = Readable.from(halfAndThen(new Promise<never>(() => {})))
  expect((await run(start, { command: ['sh', '-c', 'exit 4'] }, halting)).code).toBe(4)
})

test('whoever cancels is told so, though the input never ends', async () => {
  const halting = Readable.from(halfAndThen(new Promise<never>(() => {})))
  const running = run(start, { command: ['cat'], signal: AbortSignal.timeout(100) }, halting)
  await expect(running).rejects.toMatchObject({ code: 'cancelled' })
})

test('a session answers, and says why it ended early', async () => {
  const command = ['sh', '-c', 'while read -r word rest; do [ "$word" != end ] || exit 7; echo "$word $rest"; done']
  const session = await openSession(
    start,
    { command },
    { echo: (mark) => ({ words: mark, line: `${mark} ` }), failure: ({ code }) => new Error(`ended with ${code}`) },
  )
  expect(await session.ask('one line\nanother line')).toEqual(['one line', 'another line'])
  expect(await session.ask('third one')).toEqual(['third one'])
  await expect(session.ask('end')).rejects.toThrow('ended with 7')
  await session.close()
})

test('what only writes is ended when nobody reads any more, and else ends by itself', async () => {
  const abandoned = await start({ command: whileRead(['sleep', '1000']) })
  abandoned.stdin.end()
  abandoned.stdout.resume()
  expect((await abandoned.ended).code).toBe(137)

  const { stdin, stdout, ended } = await start({ command: whileRead(['sh', '-c', 'echo "$1"; exit 5', 'sh', 'a b']) })
  expect(await text(stdout)).toBe('a b\n')
  stdin.end()
  expect((await ended).code).toBe(5)
})

async function* halfAndThen(next: Error | Promise<never>) {
  yield Buffer.from('half')
  if (next instanceof Error) throw next
  await next
}
