/** Somebody at a terminal: runs ssh, git, curl and the rest in a folder, as the ends of a real connection. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quickly } from './quickly.ts'

export interface Ended {
  readonly exit: number
  /** What both streams said, in the order in which it was written. */
  readonly output: string
}

export interface RunOptions {
  /** File that standard input comes from; nothing without it. */
  readonly from?: string
  /** File that standard output goes to; standard error still is the output. */
  readonly to?: string
  /** Seconds; then it is ended and counts as failed. */
  readonly within?: number
}

/** A program that runs. */
export interface Started {
  /** Leader of a process group of its own. */
  readonly pid: number
  /** What it has said so far. */
  said(): string
  readonly ended: Promise<Ended>
}

export interface Person {
  readonly home: string
  /** Where they are; changes with `cd`. */
  folder: string
  run(words: readonly string[], options?: RunOptions): Promise<Ended>
  /** As `run`, for what is watched or disturbed while it runs. */
  start(words: readonly string[], options?: RunOptions): Started
  /** As `run`, but a failure throws with the output; returns it without its final newline. */
  must(...words: string[]): Promise<string>
  leave(): Promise<void>
}

export interface Server {
  readonly httpPort: number
  readonly httpsPort: number
  /** `docker ps` shows only containers with this value of the label megapolos.system. */
  readonly label: string
}

const apps = join(import.meta.dirname, 'apps')

/** The home has the keys and the ssh configuration; the folder is new and has the sample apps in `apps`. */
export async function person(home: string, server: Server): Promise<Person> {
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-person-'))
  await symlink(apps, join(folder, 'apps'))
  const self: Person = {
    home,
    folder,
    run: (words, options) => self.start(words, options).ended,
    start: (words, options = {}) => start(translated(words, home, server), self, options),
    async must(...words) {
      const { exit, output } = await self.run(words)
      if (exit !== 0) throw new Error(`${words.join(' ')} ended with exit code ${exit}:\n${output}`)
      return output.replace(/\n$/, '')
    },
    leave: () => rm(folder, { recursive: true, force: true }),
  }
  return self
}

/** Makes the home: two keys, a git identity, and `megapolos` as an ssh host; `megapolos-as-friend` is the second key. */
export async function makeHome(home: string, user: string, sshPort: number): Promise<void> {
  await rm(home, { recursive: true, force: true })
  await mkdir(join(home, '.ssh'), { recursive: true, mode: 0o700 })
  for (const key of ['tester', 'friend']) {
    await quickly('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', join(home, '.ssh', key))
  }
  const host = (alias: string, key: string) => `Host ${alias}
  HostName 127.0.0.1
  Port ${sshPort}
  User ${user}
  IdentityFile ${join(home, '.ssh', key)}
  IdentitiesOnly yes
  UserKnownHostsFile ${join(home, '.ssh/known_hosts')}
  StrictHostKeyChecking accept-new
  LogLevel ERROR
`
  await writeFile(sshConfig(home), host('megapolos', 'tester') + host('megapolos-as-friend', 'friend'))
  await writeFile(askpass(home), answer, { mode: 0o755 })
  await writeFile(
    join(home, '.gitconfig'),
    '[user]\n  name = Tester\n  email = tester@example.com\n[init]\n  defaultBranch = main\n',
  )
}

/** Git asks a person for the password of `http://NAME@…`: they look it up where they keep what `tokens:create NAME` said. */
const askpass = (home: string) => join(home, 'askpass')
const answer = `#!/bin/sh
name=\${1#*//}
exec sed -n 's/^ *\\(mgp_[0-9a-f]*\\)$/\\1/p' "$HOME/\${name%%@*}.token"
`

const sshConfig = (home: string) => join(home, '.ssh/config')

/** What is typed as if the server stood on ports 22 and 80 of a host called megapolos is led to the test system. */
function translated(words: readonly string[], home: string, server: Server): readonly string[] {
  const [program = '', ...rest] = words
  if (program === 'timeout') return [program, rest[0] ?? '', ...translated(rest.slice(1), home, server)]
  if (program === 'ssh') return [program, '-F', sshConfig(home), ...rest]
  if (program === 'curl') {
    return [
      program,
      '--no-progress-meter',
      '--max-time',
      '60',
      // Also where a redirect names the port itself.
      ...[443, server.httpsPort].flatMap((port) => ['--connect-to', `:${port}:127.0.0.1:${server.httpsPort}`]),
      ...['--connect-to', `::127.0.0.1:${server.httpPort}`],
      ...rest,
    ]
  }
  if (program === 'git') {
    return words.map((word) => word.replace(/^(http:\/\/([\w-]+@)?git\.localhost)\//, `$1:${server.httpPort}/`))
  }
  if (program === 'docker' && rest[0] === 'ps') {
    return [program, 'ps', '--filter', `label=megapolos.system=${server.label}`, ...rest.slice(1)]
  }
  return words
}

/** Both streams share one file: a pipe each would lose the order between them. */
function start(words: readonly string[], self: Person, options: RunOptions): Started {
  const [program = '', ...rest] = words
  const transcript = join(tmpdir(), `megapolos-output-${process.pid}-${counter++}`)
  const output = openSync(transcript, 'a')
  const from = options.from === undefined ? null : openSync(options.from, 'r')
  const to = options.to === undefined ? null : openSync(options.to, 'w')
  const child = spawn(program, rest, {
    cwd: self.folder,
    env: environment(self.home),
    stdio: [from ?? 'ignore', to ?? output, output],
    // A group of its own: whoever presses Ctrl-C ends git and the ssh that it started.
    detached: true,
  })
  const pid = child.pid ?? 0
  let final: string | null = null
  const said = () => final ?? readFileSync(transcript, 'utf8')
  const late = setTimeout(() => process.kill(-pid, 'SIGINT'), (options.within ?? 300) * 1000)
  const ended = new Promise<Ended>((resolve) => {
    const end = (exit: number, more = '') => {
      clearTimeout(late)
      for (const file of [output, from, to]) if (file !== null) closeSync(file)
      final = said() + more
      rmSync(transcript)
      resolve({ exit, output: final })
    }
    child.on('error', (error) => end(127, error.message))
    child.on('exit', (code, signal) => end(code ?? 128, signal ? `(ended by ${signal})\n` : ''))
  })
  return { pid, said, ended }
}

let counter = 0

function environment(home: string): NodeJS.ProcessEnv {
  const { PATH, TMPDIR } = process.env
  const quiet = { GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', LANG: 'C.UTF-8', TERM: 'xterm' }
  return {
    PATH,
    TMPDIR,
    HOME: home,
    GIT_SSH_COMMAND: `ssh -F ${sshConfig(home)}`,
    GIT_ASKPASS: askpass(home),
    ...quiet,
  }
}
