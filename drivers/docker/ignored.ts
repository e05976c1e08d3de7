/** Which names of a tree the lines of a .dockerignore leave out. */
import { Script } from 'node:vm'
import { UserError } from '../../server/errors.ts'

/** Milliseconds. Patterns are the pusher's, and some take for ever to compare; nobody else may wait for them. */
const patience = 2_000

export async function ignoredNames(
  names: readonly string[],
  lines: readonly string[],
  limit = patience,
): Promise<ReadonlySet<string>> {
  if (lines.length === 0) return new Set()
  const { default: dockerignore } = await import('@balena/dockerignore')
  const rules = dockerignore.default({ ignorecase: false }).add([...lines])
  const found = new Set<string>()
  try {
    // The only way to end a comparison of the runtime in the middle.
    new Script('compare()').runInNewContext(
      {
        compare: () => {
          for (const name of names) if (rules.ignores(name)) found.add(name)
        },
      },
      { timeout: limit },
    )
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    throw new UserError(
      'refused',
      `The files could not be compared with .dockerignore within ${limit / 1000} s.`,
      'Use fewer lines in it, and fewer stars in a line.',
    )
  }
  return found
}
