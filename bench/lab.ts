/** What measurements share: the test system, a person, and a plain sshd beside it that is the floor of everything over SSH. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Person } from '../test/person.ts'
import { quickly } from '../test/quickly.ts'
import { type System, useSystem } from '../test/system.ts'

export interface Lab {
  readonly system: System
  readonly person: Person
  /** Everything that only a measurement needs lies here. */
  readonly folder: string
  /** ssh to the plain sshd, as words to put a command behind. */
  readonly plainSsh: readonly string[]
  readonly say: (line: string) => void
  close(): Promise<void>
}

export async function openLab(say: (line: string) => void): Promise<Lab> {
  say('installing the test system …')
  const system = await useSystem()
  const person = await system.person()
  const folder = await mkdtemp('/var/tmp/megapolos-bench-')
  const { sshd, words } = await plainSshd(folder, system)
  return {
    ...{ system, person, folder, say },
    plainSsh: words,
    async close() {
      sshd.kill()
      await person.leave()
      await rm(folder, { recursive: true })
    },
  }
}

/** Seconds that something takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1000
}

export async function untilListening(port: number, host = '127.0.0.1'): Promise<void> {
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, host, () => resolve(true)).on('error', () => resolve(false))
      socket.unref()
      setTimeout(() => socket.destroy(), 100).unref()
    })
    if (open) return
    await pause(20)
  }
}

/** The same program with an ordinary key file: what a connection costs when nobody of ours is at the other end. */
async function plainSshd(folder: string, system: System): Promise<{ sshd: ChildProcess; words: string[] }> {
  const port = 18023
  await quickly('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'host'))
  await writeFile(join(folder, 'keys'), await readFile(join(system.tester, '.ssh/tester.pub')), { mode: 0o600 })
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host')}`,
    `AuthorizedKeysFile ${join(folder, 'keys')}`,
    ...['PermitRootLogin prohibit-password', 'StrictModes no', 'UsePAM no', 'UseDNS no', 'PidFile none'],
    ...['PrintMotd no', 'PrintLastLog no', 'MaxStartups 50:30:200', 'AcceptEnv GIT_PROTOCOL'],
  ]
  await writeFile(join(folder, 'sshd_config'), `${lines.join('\n')}\n`)
  const sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(folder, 'sshd_config')], { stdio: 'ignore' })
  await untilListening(port)
  const key = ['-i', join(system.tester, '.ssh/tester'), '-o', 'IdentitiesOnly=yes']
  const host = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR']
  return { sshd, words: ['ssh', '-F', 'none', '-p', `${port}`, ...key, ...host, 'root@127.0.0.1'] }
}
