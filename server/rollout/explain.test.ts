import { expect, test } from 'vitest'
import { type Failure, sentence } from './explain.ts'

const failed = {
  place: { app: '0a0a0a0a', process: 'web', index: 1, release: 2, group: 'aaaaaaaa' },
  appName: 'blog',
  port: 5000,
  memory: 512,
  checks: { path: null, timeout: 60 },
}
const ended = (exitCode: number, oomKilled = false): Failure => ({
  healthy: false,
  why: 'ended',
  after: 0.42,
  ending: { exitCode, oomKilled, restarts: 0 },
})
const silence: Failure = { healthy: false, why: 'no-answer' }

test.each<[Failure, object, { port: number; loopbackOnly: boolean }[], string]>([
  [ended(3), {}, [], 'web.1 exited with code 3 before it answered a request.'],
  [ended(0), { port: null }, [], 'web.1 exited with code 0 after 0.4 s; it has to stay alive for 3 s.'],
  [ended(127), {}, [], 'web.1 exited with code 127: its command cannot be run.'],
  [ended(1, true), {}, [], 'web.1 was killed: it needs more memory than its limit of 512 MiB.'],
  [ended(137, true), {}, [], 'web.1 was killed: it needs more memory than its limit of 512 MiB.'],
  [ended(137), {}, [], 'web.1 exited with code 137 before it answered a request.'],
  [silence, {}, [], 'web.1 listened on no port within 60 s; PORT is 5000.'],
  [silence, {}, [{ port: 8080, loopbackOnly: false }], 'web.1 listens on 8080, but PORT is 5000.'],
  [
    silence,
    {},
    [{ port: 5000, loopbackOnly: true }],
    'web.1 listens on 127.0.0.1:5000 only, where no request reaches it.',
  ],
  [
    silence,
    {},
    [{ port: 5000, loopbackOnly: false }],
    'web.1 listens on port 5000, but did not answer GET / within 60 s.',
  ],
  [{ healthy: false, why: 'status', status: 502 }, {}, [], 'web.1 answered 502 on /; anything below 500 is expected.'],
  [
    { healthy: false, why: 'status', status: 404 },
    { checks: { path: '/up', timeout: 5 } },
    [],
    'web.1 answered 404 on /up; 200 to 399 is expected.',
  ],
])('one sentence says it: %#', (failure, changes, listening, message) => {
  expect(sentence({ ...failed, ...changes }, failure, listening).message).toBe(message)
})

test('what runs out of memory is told how to get more', () => {
  expect(sentence(failed, ended(137, true), []).hint).toBe('Raise the limit: ps:limit blog web=1024M')
})
