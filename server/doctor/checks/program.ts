/** The kernel that runs is the one that is installed. */
import { realpath } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { check } from '../check.ts'

export interface ProgramFacts {
  readonly running: string
  readonly installed: string
}

/** Node has resolved the link through which it was started. */
const own = dirname(dirname(dirname(import.meta.dirname)))

export const program = check<ProgramFacts>({
  name: 'program',
  about: 'The program',
  remedy: (commands) => commands.restart('kernel'),
  probe: async ({ config }) => ({ running: own, installed: await realpath(config.program) }),
  judge: ({ running, installed }, commands) =>
    running === installed
      ? []
      : [
          {
            severity: 'warning',
            problem: `The kernel still is ${basename(running)}, but ${basename(installed)} is installed.`,
            fix: commands.restart('kernel'),
          },
        ],
})
