/** The steps of a build: what they may do, what is told of them, and how they fail and end. */
import { strict as assert } from 'node:assert'
import { setTimeout as pause } from 'node:timers/promises'
import type { BuilderPromises, BuilderUnderTest } from './builder-under-test.ts'
import { failed, inBuilder } from './builder-world.ts'
import { programsSeen } from './programs.ts'
import { within } from './within.ts'

export const stepPromises: BuilderPromises = {
  'a secret is there in its step, and neither in a layer nor in the history nor in the words of a program': (it) =>
    inBuilder(it, async ({ build, mark, run, history }) => {
      const secret = `hush-${mark}`
      const step = 'RUN --mount=type=secret,id=mp_env wc -c < /run/secrets/mp_env > /length'
      const { result: image, seen } = await programsSeen(secret, () => build(step, { secrets: { mp_env: secret } }))
      assert.equal((await run(image, ['cat', '/length'])).trim(), String(secret.length))
      assert.equal(seen, 0, 'the secret was in the process list')
      assert(!(await history(image)).includes(secret), 'the secret is in the history')
      const search = ['sh', '-c', 'grep -rs hush- /run /tmp /root /length || echo nothing']
      assert.equal(await run(image, search), 'nothing\n', 'the secret is in a layer')
    }),

  'the output of a step is seen as lines, also a last one without an end': (it) =>
    inBuilder(it, async ({ build, lines, mark }) => {
      await build(`RUN echo ${mark}-a; printf '\\033[31mred\\033[0m'`)
      for (const line of [`  ${mark}-a`, '  red']) assert(lines.includes(line), `"${line}" is not seen`)
    }),

  ...Object.fromEntries(
    ['--network=host', '--security=insecure'].map((flag) => [
      `no step is run with RUN ${flag}`,
      (it: BuilderUnderTest) =>
        inBuilder(it, async ({ build }) => void (await failed(build(`RUN ${flag} touch /done`), 'refused'))),
    ]),
  ),

  'more processes than builds may have cannot be begun': (it) =>
    inBuilder(it, async ({ build }) => {
      const { detail = [] } = await failed(build('RUN while sleep 100 & do :; done'), 'refused')
      assert.match(detail.join('\n'), /fork/i)
    }),

  'a failing step is refused with its words, its exit code and its last lines': (it) =>
    inBuilder(it, async ({ build, mark }) => {
      const { message, detail = [] } = await failed(build(`RUN echo ${mark}; echo the cause >&2; exit 42`), 'refused')
      assert.match(message, /exit 42" \(exit code 42\)/)
      for (const line of [mark, 'the cause']) assert(detail.includes(line), `"${line}" is not told`)
    }),

  'a Dockerfile that cannot be read is refused with the line': (it) =>
    inBuilder(it, async ({ build }) => {
      const { message } = await failed(build('\nNONSENSE x'), 'refused')
      assert.match(message, /line 3: unknown instruction: NONSENSE/)
    }),

  'a failure does not take the tag away from the image before': (it) =>
    inBuilder(it, async ({ build, run, tag }) => {
      await build('COPY kept.txt /')
      await failed(build('RUN false'), 'refused')
      const said = await run(tag, ['cat', '/kept.txt']).catch(() => 'no such file')
      assert.equal(said, 'kept', 'the tag is not of the image before')
    }),

  'lines are seen while a step runs, and an abort ends it within two seconds': (it) =>
    inBuilder(it, async ({ build, lines, mark, patience, processes }) => {
      const controller = new AbortController()
      const long = `sleep 98${Number.parseInt(mark.slice(0, 4), 16)}`
      const building = build(`RUN echo started; ${long}`, {}, controller.signal)
      building.catch(() => {})
      const until = async (condition: () => Promise<boolean> | boolean) => {
        while (!(await condition())) await pause(20)
      }
      try {
        await within(
          patience,
          'waiting for the first line',
          until(() => lines.includes('  started')),
        )
        assert((await processes()).includes(long), 'the step does not run')
      } finally {
        controller.abort()
      }
      const gone = until(async () => !(await processes()).includes(long))
      await within(2, 'the step', gone)
      await within(2, 'the build', failed(building, 'cancelled'))
    }),

  'a build that is cancelled before it begins does not begin': (it) =>
    inBuilder(it, async ({ build, lines }) => {
      await failed(build('RUN true', {}, AbortSignal.abort()), 'cancelled')
      assert.deepEqual(lines, [])
    }),
}
