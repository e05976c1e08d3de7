/** Redis: what is live, and may be lost. */
import { check } from '../check.ts'

export const redis = check<{ answers: boolean }>({
  name: 'redis',
  about: 'Redis',
  remedy: (commands) => commands.restart('redis'),
  async probe({ live }) {
    // One that hangs is only noticed by whoever asks it.
    await live.apps()
    return { answers: live.available() }
  },
  judge: ({ answers }, commands) =>
    answers
      ? []
      : [
          {
            severity: 'error',
            problem:
              'Redis does not answer: live updates of the panel pause, and logs of ended containers are not kept.',
            fix: commands.restart('redis'),
          },
        ],
})
