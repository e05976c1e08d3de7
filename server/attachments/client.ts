/** Opens the client of a server (psql, mariadb, redis-cli) at a database, for a person. */
import type { Database } from '../domain/database.ts'
import type { Session } from '../engine/engine.ts'
import type { LeftOvers } from './left-overs.ts'
import type { Logins } from './logins.ts'
import type { AttachmentParts } from './parts.ts'

export function createClientDoor(
  { devices, openClient, log }: Pick<AttachmentParts, 'devices' | 'openClient' | 'log'>,
  logins: Logins,
  leftOvers: Pick<LeftOvers, 'attend'>,
) {
  return {
    /** With a login of its own, which ends with the session. */
    async connect(database: Database, tty: boolean): Promise<Session> {
      const { login, end } = await logins.temporary(database)
      const ended = () =>
        end()
          .then(leftOvers.attend)
          .catch((error) => log.error('attachments.person-not-revoked', error, { database: database.name }))
      try {
        const command = await (await devices.database(database.device)).connect(database.handle, login)
        const session = await openClient(database.device, command, tty)
        return { ...session, exit: session.exit.finally(ended), kill: () => session.kill().finally(ended) }
      } catch (error) {
        await ended()
        throw error
      }
    },
  }
}
