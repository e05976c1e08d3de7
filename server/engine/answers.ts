/** What an answer that says no means to whoever asked. */
import { UserError } from '../errors.ts'
import { EngineError, isStatus } from './transport.ts'

export async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    // 409: its removal is under way.
    if (!isStatus(error, 404, 409)) throw error
  }
}

export async function refusing<T>(message: string, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (error instanceof EngineError) throw new UserError('refused', message, undefined, [error.message])
    throw error
  }
}
