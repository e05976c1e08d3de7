/** What sshd reads: a line for each key that may come in, with the one command that it may run. */
import { chmodSync, chownSync, renameSync, writeFileSync } from 'node:fs'
import type { Key } from '../domain/access.ts'
import { messageOf, UserError } from '../errors.ts'

export interface AuthorizedKeysOptions {
  readonly path: string
  /** Group of the user that sshd reads it as. */
  readonly group: number
  readonly hooks: string
  readonly panelPort: number
}

/**
 * Returns what writes the file anew, whole: from then on sshd knows these keys and no other. A file and not a question
 * to the kernel: sshd asks twice for each connection, and each time that would cost it two programs.
 */
export function authorizedKeys(options: AuthorizedKeysOptions): (keys: readonly Key[]) => void {
  const { path, group } = options
  const next = `${path}.next`
  return (keys) => {
    try {
      // Synchronously: of two changes the later one must stay.
      writeFileSync(next, keys.map((key) => `${line(key, options)}\n`).join(''), { mode: 0o640 })
      chmodSync(next, 0o640)
      if (process.getuid?.() === 0) chownSync(next, 0, group)
      renameSync(next, path)
    } catch (error) {
      throw new UserError('unavailable', 'The list of keys for sshd could not be written.', undefined, [
        messageOf(error),
      ])
    }
  }
}

/** `restrict` shuts everything; a terminal for `run` and the way to the panel are opened again. */
function line({ name, publicKey }: Key, { hooks, panelPort }: AuthorizedKeysOptions): string {
  const options = [
    'restrict',
    'pty',
    'port-forwarding',
    `permitopen="localhost:${panelPort}"`,
    `permitopen="127.0.0.1:${panelPort}"`,
    `command="${hooks}/forced-command ${name}"`,
  ]
  return `${options.join(',')} ${publicKey}`
}
