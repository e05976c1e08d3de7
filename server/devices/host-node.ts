/** Programs, packages and servers of the node, for one device. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf, UserError } from '../errors.ts'
import type { ExecOptions, NodeCalls, Process } from './driver.ts'
import { processOf } from './process.ts'

export interface NodeParts {
  readonly home: string
  /** Folder of the program: `install.sh` in it knows how packages are installed and servers kept alive. */
  readonly program: string
}

export interface DeviceNode extends NodeCalls {
  /** Names of those that are kept alive. */
  servers(): Promise<string[]>
}

export function createNodeCalls(device: string, parts: NodeParts): DeviceNode {
  /** A dot tells it from the servers that every installation has. */
  const idOf = (name: string) => `${device}.${name}`
  return {
    exec,
    async packages(names, progress) {
      const missing = await missingOf(names)
      if (missing.length === 0) return { installed: false }
      progress(`Installing ${missing.join(', ')} from Debian's archive`)
      await installer(parts, ['packages', ...missing])
      return { installed: true }
    },
    async serve({ name, command, user, stopSignal = 'SIGTERM' }) {
      if (command.some((word) => /[\n\0]/.test(word))) throw new Error('a word of a server has a line break')
      const folder = join(parts.home, 'servers', idOf(plain(name)))
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const files = { user, signal: stopSignal.replace(/^SIG/, ''), command: command.join('\n') }
      for (const [file, text] of Object.entries(files)) await replace(join(folder, file), `${text}\n`)
      await installer(parts, ['serve', idOf(name)])
    },
    stop: (name) => installer(parts, ['unserve', idOf(plain(name))]),
    async servers() {
      const all = await readdir(join(parts.home, 'servers')).catch(() => [])
      return all.filter((id) => id.startsWith(idOf(''))).map((id) => id.slice(device.length + 1))
    },
  }
}

/** As `user`, in all of their groups; killed with everything that it started. */
async function exec({ command, env, user, signal }: ExecOptions): Promise<Process> {
  const [program = '', ...words] = user === undefined ? command : [...(await asUser(user)), ...command]
  const child = spawn(program, words, { cwd: '/', env: { ...surroundings, ...env }, detached: true })
  const exit = new Promise<number>((resolve) => {
    // 128 + 9, as a shell says it.
    child.once('close', (code) => resolve(code ?? 137))
  })
  await once(child, 'spawn').catch((error) => {
    throw new UserError('unavailable', `${program} could not be started on the node: ${messageOf(error)}.`)
  })
  const kill = () => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL')
    } catch {
      // Ended in between.
    }
  }
  return processOf({ stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exit, kill }, signal)
}

/** Nothing of the kernel's own. */
const surroundings = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' }

const run = promisify(execFile)

async function asUser(user: string): Promise<string[]> {
  const group = await run('id', ['-g', '--', user]).catch(() => {
    throw new UserError('unavailable', `The node has no user ${user}.`)
  })
  return ['setpriv', `--reuid=${user}`, `--regid=${group.stdout.trim()}`, '--init-groups', '--no-new-privs', '--']
}

async function missingOf(names: readonly string[]): Promise<string[]> {
  for (const name of names) {
    if (!/^[a-z0-9][a-z0-9+.-]+$/.test(name)) throw new UserError('usage', `"${name}" is no name of a package.`)
  }
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own
  const query = ['-W', '-f', '${db:Status-Status} ${Package}\n', ...names]
  // It ends with 1 when one of them is unknown, and tells of the others all the same.
  const { stdout } = await run('dpkg-query', query).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? '',
  }))
  const there = new Set(stdout.split('\n').flatMap((line) => /^installed (\S+)/.exec(line)?.[1] ?? []))
  return names.filter((name) => !there.has(name))
}

/** Speaks as `install.sh` does: what failed, lines that prove it, and what to do. */
async function installer({ home, program }: NodeParts, words: readonly string[]): Promise<void> {
  try {
    await run(join(program, 'install.sh'), [...words, '--home', home])
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? '')
      .trim()
      .split('\n')
    const [sentence, hint, detail] = [said.at(0), said.at(-1), said.slice(1, -1)]
    throw new UserError(
      'refused',
      sentence || messageOf(error),
      hint,
      detail.map((line) => line.trim()),
    )
  }
}

function plain(name: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,29}$/.test(name)) return name
  throw new UserError('usage', `"${name}" is no name for a server of a device.`)
}

/** A name stands for a whole file: whoever reads it may do so at any moment. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
