/** The system account that git, the hooks and SSH commands run as. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface Account {
  readonly uid: number
  readonly gid: number
}

/** Without root (development) everything runs as whoever started the kernel. */
export async function findAccount(name: string): Promise<Account> {
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  if (own.uid !== 0) return own
  const id = async (flag: string) => Number((await promisify(execFile)('id', [flag, name])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}
