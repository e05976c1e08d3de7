/** A real sshd on loopback that lets one key in, and a kernel of little words for the driver. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { UserError } from '../../server/errors.ts'
import { freePort } from '../../test/free-port.ts'

const execute = promisify(execFile)

export interface TestSshd {
  readonly folder: string
  readonly port: number
  /** Lets this public key in, and no other; null: nobody. */
  admit(line: string | null): Promise<void>
  /** Another host key, as a machine in between would have. */
  changeHostKey(): Promise<void>
  /** Kills it and everybody who is connected. */
  kill(): Promise<void>
  remove(): Promise<void>
}

export async function startSshd(): Promise<TestSshd> {
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-sshd-'))
  const port = await freePort()
  // sshd as root does not start without it.
  await mkdir('/run/sshd', { recursive: true })
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${folder}/host`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    'PasswordAuthentication no',
    'StrictModes no',
    'UsePAM no',
    `PidFile ${folder}/pid`,
    'Subsystem sftp internal-sftp',
    'ForceCommand internal-sftp',
    'PermitRootLogin yes',
  ]
  await writeFile(join(folder, 'config'), `${lines.join('\n')}\n`)
  const makeKey = () => execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'host')])
  let sshd: ChildProcess
  const start = async () => {
    // A group of its own: those who are connected die with it.
    sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(folder, 'config')], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    for await (const line of sshd.stderr ?? []) if (String(line).includes('listening')) break
  }
  const kill = async () => {
    const ended = once(sshd, 'exit')
    await killTree(sshd.pid ?? 0)
    await ended
  }
  await makeKey()
  await start()
  return {
    folder,
    port,
    kill,
    admit: (line) => writeFile(join(folder, 'authorized_keys'), line === null ? '' : `${line}\n`),
    async changeHostKey() {
      await kill()
      await rm(join(folder, 'host'))
      await makeKey()
      await start()
    },
    async remove() {
      if (sshd.exitCode === null && sshd.signalCode === null) await kill()
      await rm(folder, { recursive: true })
    },
  }
}

/** Sessions of sshd have groups of their own. */
async function killTree(pid: number): Promise<void> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  try {
    process.kill(pid, 'SIGKILL')
  } catch {}
  for (const child of children.split(' ').filter(Boolean)) await killTree(Number(child))
}

/** The public key that a refused driver asks to install. */
export function askedKey(error: unknown): string {
  return /ssh-ed25519 \S+ megapolos/.exec(error instanceof UserError ? (error.hint ?? '') : '')?.[0] ?? ''
}
