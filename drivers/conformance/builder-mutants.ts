/** Builders that are right but for one thing each. A suite that does not see it would prove nothing. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { BuilderDriver, BuildRequest } from '../../server/devices/classes/builder.ts'
import { UserError } from '../../server/errors.ts'
import type { Mutant } from './promises.ts'

const secretsStay =
  'a secret is there in its step, and neither in a layer nor in the history nor in the words of a program'
const abortEnds = 'lines are seen while a step runs, and an abort ends it within two seconds'

export const builderMutants: Readonly<Record<string, Mutant<BuilderDriver>>> = {
  'a secret is an environment variable of the image': {
    breaks: secretsStay,
    sees: 'in the history',
    wrong: (right) =>
      withRequest(right, (request) =>
        withSteps(request, (steps) => `${steps}\nENV MP_ENV=${Object.values(request.secrets).join()}`),
      ),
  },

  'a secret stays in a layer': {
    breaks: secretsStay,
    sees: 'in a layer',
    wrong: (right) =>
      withRequest(right, (request) =>
        withSteps(request, (steps) => `${steps}\nRUN --mount=type=secret,id=mp_env cp /run/secrets/mp_env /tmp/mp_env`),
      ),
  },

  'a secret is in the words of a program': {
    breaks: secretsStay,
    sees: 'in the process list',
    wrong: (right) => ({
      build(request, log, signal) {
        const words = ['-e', 'setTimeout(() => {}, 1000)', ...Object.values(request.secrets)]
        spawn(process.execPath, words, { stdio: 'ignore' })
        return right.build(request, log, signal)
      },
    }),
  },

  'what is to be ignored is not': {
    breaks: 'what is ignored does not reach the build; an added file does, even under an ignored name',
    sees: 'left-out.txt',
    wrong: (right) => withRequest(right, (request) => ({ ...request, ignore: [] })),
  },

  'labels are forgotten': {
    breaks: 'the image has the tree, the added files, the tag and the labels',
    sees: 'the label is not there',
    // But for the one that the images are removed by.
    wrong: (right) =>
      withRequest(right, (request) => ({
        ...request,
        labels: Object.fromEntries(Object.entries(request.labels).slice(0, 1)),
      })),
  },

  'a build that fails leaves its tag on something': {
    breaks: 'a failure does not take the tag away from the image before',
    sees: 'not of the image before',
    wrong: (right) => ({
      build: (request, log, signal) =>
        right.build(request, log, signal).catch(async (error) => {
          const half = withSteps(request, (steps) => steps.split('\n')[0] as string)
          await right.build(half, () => {}, signal)
          throw error
        }),
    }),
  },

  'a build that fails is called good': {
    breaks: 'a failing step is refused with its words, its exit code and its last lines',
    sees: 'the build succeeded',
    wrong: (right) => ({
      build: (request, log, signal) => right.build(request, log, signal).catch(() => ({ image: request.tag })),
    }),
  },

  'a failure does not tell the last lines': {
    breaks: 'a failing step is refused with its words, its exit code and its last lines',
    sees: 'is not told',
    wrong: (right) => ({
      build: (request, log, signal) =>
        right.build(request, log, signal).catch((error: Error) => {
          throw new UserError('refused', error.message)
        }),
    }),
  },

  'lines are swallowed': {
    breaks: 'the output of a step is seen as lines, also a last one without an end',
    sees: 'is not seen',
    wrong: (right) => ({ build: (request, _, signal) => right.build(request, () => {}, signal) }),
  },

  'lines are told when all is over': {
    breaks: abortEnds,
    sees: 'waiting for the first line',
    wrong: (right) => ({
      async build(request, log, signal) {
        const lines: string[] = []
        const built = await right.build(request, (line) => lines.push(line), signal)
        lines.forEach(log)
        return built
      },
    }),
  },

  'an abort ends the call, and the step goes on': {
    breaks: abortEnds,
    sees: 'the step did not end within',
    wrong: (right) => ({
      build: (request, log, signal) => Promise.race([right.build(request, log, late(signal)), cancelled(signal)]),
    }),
  },

  'a cancelled build begins all the same': {
    breaks: 'a build that is cancelled before it begins does not begin',
    sees: 'the build succeeded',
    wrong: (right) => ({
      build: (request, log, signal) =>
        right.build(request, log, signal.aborted ? new AbortController().signal : signal),
    }),
  },

  'all apps have one cache': {
    breaks: 'caches are not shared between apps, whatever a Dockerfile calls them',
    sees: 'mark',
    wrong: (right) => withRequest(right, (request) => ({ ...request, app: request.app.replace('not-', '') })),
  },

  'nothing is ever taken from the build before': {
    breaks: 'an unchanged step is not run again',
    sees: 'it was run again',
    wrong: (right) =>
      withRequest(right, (request) =>
        withSteps(request, (steps) => steps.replace('\n', `\nENV TURN=${randomBytes(4).toString('hex')}\n`)),
      ),
  },
}

function withRequest(right: BuilderDriver, change: (request: BuildRequest) => BuildRequest): Partial<BuilderDriver> {
  return { build: (request, log, signal) => right.build(change(request), log, signal) }
}

function withSteps(request: BuildRequest, change: (steps: string) => string): BuildRequest {
  const { dockerfile, files } = request
  return { ...request, files: { ...files, [dockerfile]: change((files[dockerfile] ?? '').trim()) } }
}

/** Aborts four seconds after it: nothing of a mutant must stay. */
function late(signal: AbortSignal): AbortSignal {
  const controller = new AbortController()
  signal.addEventListener('abort', () => void pause(4_000).then(() => controller.abort()), { once: true })
  return controller.signal
}

function cancelled(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new UserError('cancelled', 'The build was cancelled.')), {
      once: true,
    })
  })
}
