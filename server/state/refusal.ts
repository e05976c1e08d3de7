/** Turns a constraint that refused into a sentence for people. */
import { UserError } from '../errors.ts'
import { ConstraintError, type Database, type Result, type Statement } from './database.ts'

/** Runs a batch; `refusal` may look up who owns what was wanted. */
export async function batchOr(
  db: Database,
  statements: readonly Statement[],
  refusal: (error: ConstraintError) => UserError | null | Promise<UserError | null>,
): Promise<readonly Result[]> {
  try {
    return await db.batch(statements)
  } catch (error) {
    if (!(error instanceof ConstraintError)) throw error
    throw (await refusal(error)) ?? usual(error)
  }
}

/** An app can be destroyed while somebody else still works with what was read of it. */
function usual(error: ConstraintError): Error {
  return error.kind === 'foreign-key' ? goneApp() : error
}

export function goneApp(): UserError {
  return new UserError('not-found', 'The app is not there any more.', 'megapolos apps:list shows those that are.')
}
