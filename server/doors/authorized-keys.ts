/** What sshd reads for a key that somebody offers: nothing, or the one line that lets it in with our forced command. */
import { parsePublicKey } from '../commands/public-key.ts'
import type { Key } from '../domain/access.ts'

export interface KeyPorts {
  readonly keys: { byFingerprint(fingerprint: string): Promise<Key | null> }
  readonly panelPort: number
}

/** `restrict` shuts everything; a terminal for `run` and the way to the panel are opened again. */
export async function authorizedKeys(offered: string, hooks: string, { keys, panelPort }: KeyPorts): Promise<string[]> {
  const key = await keys.byFingerprint(parsePublicKey(offered).fingerprint)
  if (!key) return []
  const options = [
    'restrict',
    'pty',
    'port-forwarding',
    `permitopen="localhost:${panelPort}"`,
    `permitopen="127.0.0.1:${panelPort}"`,
    `command="${hooks}/forced-command ${key.name}"`,
  ]
  return [`${options.join(',')} ${key.publicKey}`]
}
