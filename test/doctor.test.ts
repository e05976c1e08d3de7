/** Faults are planted in the test system; each is named, and the command that is printed for it mends it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { quickly } from './quickly.ts'

interface Finding {
  readonly check: string
  readonly problem: string
  readonly fix: string
}

describe('server:doctor', { timeout: 120_000 }, () => {
  const at = inSystem()
  const soon = { timeout: 20_000, interval: 200 }
  const undo: (() => Promise<unknown>)[] = []

  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step()
  })

  test('Redis that was stopped', async () => {
    await stop('redis')
    const { fix } = await found('redis', /Redis does not answer/)
    await mend(fix)
  })

  test('a key file that others can read', async () => {
    const key = join(at.system.home, 'keys/secret.key')
    await chmod(key, 0o644)
    undo.push(() => chmod(key, 0o600))
    const { fix } = await found('keys', /secret\.key can be read by others than root \(its mode is 644\)/)
    await mend(fix)
  })

  test('a shared mount that is missing', async () => {
    await quickly('umount', '--lazy', join(at.system.home, 'mounts'))
    const { fix } = await found('mounts', /mounts is not mounted/)
    await mend(fix)
  })

  test('a mount that is not shared', async () => {
    await quickly('mount', '--make-private', join(at.system.home, 'mounts'))
    const { fix } = await found('mounts', /is mounted, but not shared/)
    await mend(fix)
  })

  test('a stranger on the port of the proxy', async () => {
    await stop('proxy')
    undo.push(() => at.system.installer('start'))
    const silent = await found('port', /nobody listens on port/)
    expect(silent.fix).toContain('restart proxy')
    const stranger = await busybox('httpd', '-f', '-p', `${at.system.httpPort}`, '-h', '/tmp')
    const { fix } = await found('port', new RegExp(`busybox \\(process ${stranger.pid}\\) listens on port`))
    await mend(fix)
    expect(stranger.signalCode).toBe('SIGTERM')
  })

  test('a disk that is 95 % full', async () => {
    const folder = join(at.system.home, 'backups')
    await quickly('mount', '-t', 'tmpfs', '-o', 'size=40m,mode=700', 'tmpfs', folder)
    undo.push(() => quickly('umount', '--lazy', folder))
    const large = join(folder, 'planted.dump')
    await writeFile(large, Buffer.alloc(38 * 1024 * 1024))
    const { problem, fix } = await found('disk', /backups is 95 % full; 2\.1 MB are left/)
    expect(problem).toContain(folder)
    // What may go, only a person can say; the command shows it.
    expect(await quickly('sh', '-c', fix)).toContain(large)
    await rm(large)
    await healthy()
  })

  test('a hook that cannot be run', async () => {
    const settings = await readFile(join(at.system.home, 'settings.env'), 'utf8')
    const program = /^MEGAPOLOS_PROGRAM=(.*)$/m.exec(settings)?.[1] ?? ''
    const hook = join(program, 'hooks/pre-receive')
    await chmod(hook, 0o644)
    undo.push(() => chmod(hook, 0o755))
    const { fix } = await found('hooks', /pre-receive cannot be run/)
    await mend(fix)
  })

  test('a firewall that somebody has emptied', async () => {
    const chain = `MP${at.system.label.toUpperCase()}-INPUT`
    await quickly('iptables', '--wait', '5', '-F', chain)
    const { fix } = await found('firewall', /firewall of IPv4 is not in place/)
    await mend(fix)
  })

  test('a kernel that does not run: the console says so, with the command that starts it', async () => {
    await stop('kernel')
    const said = await at.system.console('server:doctor').catch((error: Error) => error.message)
    expect(said).toMatch(/kernel of MegapolOS is not running; apps go on serving/)
    await quickly('sh', '-c', /as root: (.*)/.exec(said)?.[1] ?? 'false')
  })

  test('a kernel that hangs: the console says so, too', async () => {
    const pid = await at.system.pid('kernel')
    process.kill(pid, 'SIGSTOP')
    undo.push(async () => process.kill(pid, 'SIGCONT'))
    const said = await at.system.console('server:doctor').catch((error: Error) => error.message)
    expect(said).toMatch(/no answer in 5 s[\s\S]*restart kernel --home/)
  })

  async function findings(): Promise<Finding[]> {
    const { output } = await at.person.run(['ssh', 'megapolos', 'server:doctor', '--format', 'json'])
    return JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1)).findings
  }

  /** Nothing but this is found, once whatever was slow at the first look is quick again. */
  async function found(check: string, problem: RegExp): Promise<Finding> {
    let all: Finding[] = []
    const look = async () => {
      all = await findings()
      return all
    }
    await expect.poll(look, soon).toMatchObject([{ check, problem: expect.stringMatching(problem) }])
    return all[0] as Finding
  }

  async function mend(fix: string): Promise<void> {
    await quickly('sh', '-c', fix)
    await healthy()
  }

  const healthy = () => expect.poll(findings, soon).toEqual([])

  /** For good: whoever keeps it alive is told first. */
  async function stop(server: string): Promise<void> {
    const { home } = at.system
    const pid = await at.system.pid(server)
    if (existsSync('/run/systemd/system')) await quickly('systemctl', 'stop', `${basename(home)}-${server}`)
    else process.kill(Number.parseInt(await readFile(join(home, `run/${server}.supervisor`), 'utf8'), 10), 'SIGTERM')
    await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 20_000 }).toBe(false)
  }

  async function busybox(...words: string[]): Promise<ChildProcess> {
    const child = spawn('busybox', words, { stdio: 'ignore' })
    undo.push(async () => child.kill())
    await once(child, 'spawn')
    const listens = () => fetch(`http://127.0.0.1:${at.system.httpPort}/`).then(() => true)
    await expect.poll(() => listens().catch(() => false), { timeout: 5_000 }).toBe(true)
    return child
  }
})
