/** The data home: its folders, their modes, and the short name of this installation. */
import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from './config.ts'
import type { Account } from './push/account.ts'

/** The user that git runs as owns the repositories and may reach the socket; everything else is root's alone. */
export async function prepareHome({ home, paths }: Config, account: Account): Promise<void> {
  const folder = async (path: string, mode: number, owner = { uid: 0, gid: account.gid }) => {
    await mkdir(path, { recursive: true })
    await chmod(path, mode)
    if (process.getuid?.() === 0) await chown(path, owner.uid, owner.gid)
  }
  await folder(home, 0o755)
  await folder(dirname(paths.socket), 0o750)
  await folder(paths.repositories, 0o750, account)
  await folder(paths.pushes, 0o700, account)
  await folder(paths.drivers, 0o755)
  for (const path of [
    paths.driverCopies,
    paths.keys,
    paths.logs,
    paths.spool,
    paths.backups,
    paths.devices,
    dirname(paths.sqlite),
  ])
    await folder(path, 0o700)
}

/** Four hexadecimal digits that tell this installation's containers, bridges and chains from another's on the machine. */
export async function systemName(home: string): Promise<string> {
  const path = join(home, 'system')
  const known = await readFile(path, 'utf8').catch(() => '')
  if (/^[0-9a-f]{4}$/.test(known.trim())) return known.trim()
  const made = randomBytes(2).toString('hex')
  await writeFile(path, `${made}\n`)
  return made
}
