/** What the panel is given. */
import type { Caller } from '../commands/call.ts'
import type { SignIn } from '../commands/sign-in.ts'
import type { Key } from '../domain/access.ts'
import type { Live } from '../live/live.ts'
import type { Log } from '../log.ts'

export interface PanelPorts {
  readonly caller: Caller
  readonly signIn: Pick<SignIn, 'redeem'>
  readonly keys: { byName(name: string): Promise<Key | null> }
  readonly live: Pick<Live, 'watch' | 'available'>
  /** Its address over https; null while it has none. */
  readonly publicly: () => string | null
  /** Cookies are signed with a key made from it. */
  readonly secret: string | Uint8Array
  readonly log: Log
}
