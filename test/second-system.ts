/** An empty machine to restore on, played by a second home beside the test system: other ports and addresses, same Docker. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Ended, type Person, person } from './person.ts'
import { feed, quickly } from './quickly.ts'
import type { System } from './system.ts'

export interface SecondSystem {
  readonly home: string
  readonly httpPort: number
  readonly sshPort: number
  /** A server that knows nothing of the first one, but for the key of the same somebody. */
  install(): Promise<Ended>
  /** `install.sh --restore FILE --key-file KEYFILE`. */
  restore(backup: string, keyFile: string): Promise<Ended>
  /** The same somebody as there, with the same keys; `megapolos` is this system. */
  person(): Promise<Person>
  remove(): Promise<void>
}

const installer = join(dirname(import.meta.dirname), 'install.sh')

export function secondSystem(first: System, pool: string): SecondSystem {
  const user = `${first.user}r`
  const home = `/var/lib/${user}`
  const tester = `${first.tester}-restored`
  const base = first.httpPort - 80 + 500
  const [httpPort, sshPort] = [base + 80, base + 22]
  const ports = {
    http: httpPort,
    https: base + 43,
    ssh: sshPort,
    panel: base + 180,
    git: base + 181,
    rqlite: base + 141,
  }
  const places = [
    ...['--home', home, '--user', user, '--pool', pool],
    ...Object.entries(ports).flatMap(([name, port]) => [`--${name}-port`, `${port}`]),
  ]

  return {
    ...{ home, httpPort, sshPort },
    async install() {
      await programsOf(first.user, user)
      const ended = await run(installer, 'install', '--no-hello', '--no-bases', ...places)
      const key = await readFile(join(first.tester, '.ssh/tester.pub'), 'utf8')
      if (ended.exit === 0) await feed(key, `/usr/local/bin/${user}`, 'keys:add', 'tester')
      return ended
    },
    async restore(backup, keyFile) {
      await programsOf(first.user, user)
      return run(installer, '--restore', backup, '--key-file', keyFile, ...places)
    },
    async person() {
      await rm(tester, { recursive: true, force: true })
      await cp(first.tester, tester, { recursive: true })
      const config = join(tester, '.ssh/config')
      const text = (await readFile(config, 'utf8'))
        .replaceAll(first.tester, tester)
        .replaceAll(`Port ${first.sshPort}`, `Port ${sshPort}`)
        .replaceAll(`User ${first.user}`, `User ${user}`)
      await writeFile(config, text)
      const label = (await readFile(join(home, 'system'), 'utf8')).trim()
      return person(tester, { httpPort, httpsPort: ports.https, label })
    },
    async remove() {
      await rm(tester, { recursive: true, force: true })
      if (existsSync(home) || existsSync(`/opt/${user}`))
        await quickly(installer, 'uninstall', '--purge', '--home', home, '--user', user)
    },
  }
}

/** What would be fetched again takes most of an installation's time. */
async function programsOf(from: string, to: string): Promise<void> {
  if (existsSync(`/opt/${to}`)) return
  await mkdir('/opt', { recursive: true })
  await quickly('cp', '-al', `/opt/${from}`, `/opt/${to}`)
  await rm(`/opt/${to}/current`)
}

function run(program: string, ...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.on('exit', (code) => resolve({ exit: code ?? 128, output }))
  })
}
