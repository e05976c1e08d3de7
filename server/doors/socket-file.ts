/** The file of the kernel's socket: one kernel has it at a time. */
import { chmod, chown, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import type { Config } from '../config.ts'
import { UserError } from '../errors.ts'
import type { Account } from '../push/account.ts'

/** A second kernel on one home would take the first one's jobs for left over. */
export async function refuseSecond({ paths }: Config): Promise<void> {
  const answered = await new Promise<boolean>((resolve) => {
    const connection = connect(paths.socket, () => resolve(true)).once('error', () => resolve(false))
    connection.once('connect', () => connection.destroy())
  })
  if (answered) throw new UserError('conflict', `MegapolOS runs already: somebody answers on ${paths.socket}.`)
}

/** A kernel that was killed leaves its socket file behind. The mode lets the hooks in, and nobody else. */
export async function listenOnSocket(server: Server, { paths }: Config, account: Account): Promise<void> {
  await rm(paths.socket, { force: true })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(paths.socket, resolve))
  await chmod(paths.socket, 0o660)
  if (process.getuid?.() === 0) await chown(paths.socket, 0, account.gid)
}
