/** What measurements share: the test system, a person, and a plain sshd beside it that is the floor of everything over SSH. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
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
  /** Configuration of ssh in which the host `plain` is that sshd. */
  readonly plainSsh: string
  readonly say: (line: string) => void
  close(): Promise<void>
}

export async function openLab(say: (line: string) => void): Promise<Lab> {
  say('installing the test system …')
  const system = await useSystem()
  const person = await system.person()
  const folder = await mkdtemp('/var/tmp/megapolos-bench-')
  await chmod(folder, 0o755)
  const { sshd, config } = await plainSshd(folder, system)
  return {
    ...{ system, person, folder, say },
    plainSsh: config,
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

/** The same program and user with an ordinary key file: what a connection costs when nothing of ours is at its end. */
async function plainSshd(folder: string, system: System): Promise<{ sshd: ChildProcess; config: string }> {
  const port = 18023
  await quickly('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'host'))
  await writeFile(join(folder, 'keys'), await readFile(join(system.tester, '.ssh/tester.pub')))
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host')}`,
    `AuthorizedKeysFile ${join(folder, 'keys')}`,
    ...['StrictModes no', 'UsePAM no', 'UseDNS no', 'PidFile none'],
    ...['PrintMotd no', 'PrintLastLog no', 'MaxStartups 50:30:200', 'AcceptEnv GIT_PROTOCOL'],
  ]
  await writeFile(join(folder, 'sshd_config'), `${lines.join('\n')}\n`)
  const sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(folder, 'sshd_config')], { stdio: 'ignore' })
  await untilListening(port)
  const config = join(folder, 'ssh_config')
  const host = [
    'Host plain',
    'HostName 127.0.0.1',
    `Port ${port}`,
    `User ${system.user}`,
    'IdentitiesOnly yes',
    'LogLevel ERROR',
  ]
  const keys = [`IdentityFile ${join(system.tester, '.ssh/tester')}`, `UserKnownHostsFile ${join(folder, 'known')}`]
  await writeFile(config, `${[...host, ...keys, 'StrictHostKeyChecking accept-new'].join('\n')}\n`)
  return { sshd, config }
}
