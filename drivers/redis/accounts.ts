/** Who may use a database: accounts of its server, kept in a file beside the data. */
import type { Login } from '../../server/devices/classes/database.ts'
import { UserError } from '../../server/errors.ts'
import { type Door, say } from './cli.ts'
import { kernel } from './server.ts'

export async function grant(door: Door, { user, password }: Login): Promise<void> {
  await say(door, [`ACL SETUSER ${checked(user)} reset on >${checked(password)} ${everything}`, 'ACL SAVE'])
}

/** Ends its connections as well. */
export async function revoke(door: Door, user: string): Promise<void> {
  // That one is always there, and can only be shut out.
  const words =
    user === 'default' ? ['ACL SETUSER default reset', 'CLIENT KILL USER default'] : [`ACL DELUSER ${checked(user)}`]
  await say(door, [...words, 'ACL SAVE'])
}

export async function logins(door: Door): Promise<string[]> {
  const lines = await say(door, ['ACL LIST'])
  return lines
    .flatMap((line) => /"user (\S+) on /.exec(line)?.[1] ?? [])
    .filter((user) => user !== kernel)
    .sort()
}

/** All of the data and nothing of the server: no configuration, no accounts, no connections to elsewhere. */
const everything =
  '~* &* +@all -@admin -@dangerous +info +keys +flushall +flushdb +sort +sort_ro +swapdb +restore +acl|whoami +client|list +config|get'

function checked(word: string): string {
  if (/^[A-Za-z0-9_]{1,128}$/.test(word)) return word
  throw new UserError('usage', 'Logins and passwords of Redis are made of letters, digits and _.')
}
