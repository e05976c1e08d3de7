/** Connects with the machine's own `ssh`: its ciphers, its checks of the host key, and its processor time in a process of its own. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DriverHost } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { openSftp, type Sftp } from './protocol.ts'

export type Host = Pick<DriverHost, 'folder' | 'settings' | 'node' | 'secrets'>

export interface Connection {
  readonly sftp: Sftp
  /** Why it ended, if it did: what `ssh` said of it. */
  why(): Promise<UserError>
  close(): Promise<void>
}

/** Names of the device's secrets. */
const [keyName, hostKeysName] = ['key', 'host-keys']

/** A new place learns the host's key the first time (`pin`), and takes no other one later. */
export async function connect(host: Host, signal: AbortSignal | null, pin = false): Promise<Connection> {
  const place = placeOf(host)
  const folder = await mkdtemp(join(host.folder, 'session-'))
  const ended = new AbortController()
  try {
    const key = await ownKey(host, folder)
    const known = join(folder, 'known_hosts')
    const pinned = await host.secrets.get(hostKeysName)
    if (pinned === null && !pin) throw notAdopted(place)
    await writeFile(known, pinned ?? '', { mode: 0o600 })
    const process = await host.node.exec({
      command: words(place, folder, pinned === null),
      signal: signal === null ? ended.signal : AbortSignal.any([signal, ended.signal]),
    })
    const over = process.ended.catch(() => ({ code: 255, stderr: '' }))
    const why = async () => sentence(place, (await over).stderr, key.public)
    const tidy = async () => {
      ended.abort()
      await over
      await rm(folder, { recursive: true, force: true })
    }
    const sftp = await openSftp(process).catch(async () => {
      // Known from its first answer on, even if it does not let us in yet.
      if (pinned === null) await pinKeys(host, known)
      const reason = signal?.aborted ? signal.reason : await why()
      await tidy()
      throw reason
    })
    if (pinned === null) await pinKeys(host, known)
    return { sftp, why, close: tidy }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

interface Place {
  readonly host: string
  readonly port: number
  readonly user: string
}

function placeOf({ settings }: Host): Place {
  const { host = '', user = '', port = 22 } = settings
  const number = Number(port)
  // A name that begins with a dash would be an option of ssh.
  if (!/^[A-Za-z0-9][A-Za-z0-9.:-]*$/.test(String(host)) || !/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(String(user))) {
    throw new UserError('usage', 'An SFTP archive needs a machine and a user.', 'host=backup.example.com user=blog')
  }
  if (!Number.isInteger(number) || number < 1 || number > 65_535) {
    throw new UserError('usage', `“${port}” is no port.`, 'port=22')
  }
  return { host: String(host), user: String(user), port: number }
}

function words({ host, port, user }: Place, folder: string, first: boolean): string[] {
  const options = {
    BatchMode: 'yes',
    ConnectTimeout: 10,
    ControlPath: 'none',
    GlobalKnownHostsFile: 'none',
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    IdentityFile: join(folder, 'key'),
    LogLevel: 'ERROR',
    PreferredAuthentications: 'publickey',
    ServerAliveCountMax: 3,
    ServerAliveInterval: 15,
    StrictHostKeyChecking: first ? 'accept-new' : 'yes',
    UserKnownHostsFile: join(folder, 'known_hosts'),
  }
  const given = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  return ['ssh', '-F', 'none', ...given, '-p', String(port), '-l', user, '-s', '--', host, 'sftp']
}

/** Made here, the first time; nobody types or sees the private half. */
async function ownKey({ node, secrets }: Host, folder: string): Promise<{ readonly public: string }> {
  const path = join(folder, 'key')
  const kept = await secrets.get(keyName)
  if (kept !== null) {
    const { private: text, public: line } = JSON.parse(kept)
    await writeFile(path, text, { mode: 0o600 })
    return { public: line }
  }
  const made = await node.exec({
    command: ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'megapolos', '-f', path],
  })
  made.stdout.resume()
  const { code, stderr } = await made.ended
  if (code !== 0) throw new UserError('unavailable', `ssh-keygen failed: ${stderr.trim()}.`)
  const [text, line] = await Promise.all([readFile(path, 'utf8'), readFile(`${path}.pub`, 'utf8')])
  await secrets.set(keyName, JSON.stringify({ private: text, public: line.trim() }))
  return { public: line.trim() }
}

async function pinKeys({ secrets }: Host, path: string): Promise<void> {
  const lines = await readFile(path, 'utf8').catch(() => '')
  if (lines !== '') await secrets.set(hostKeysName, lines)
}

function notAdopted({ host }: Place): UserError {
  return new UserError('unavailable', `The host key of ${host} is not known yet.`, 'Adopt it again: devices:adopt sftp')
}

function sentence({ host, port, user }: Place, stderr: string, key: string): UserError {
  const text = stderr.trim()
  if (/Permission denied/.test(text)) {
    const hint = `Add this line to .ssh/authorized_keys of ${user} there, and type it again: ${key}`
    return new UserError('refused', `${host} does not let ${user} in with the key of this archive.`, hint)
  }
  if (/HOST IDENTIFICATION HAS CHANGED|Host key verification failed/.test(text)) {
    const hint = 'Somebody may stand in between. If it was you who changed it: remove the archive, and adopt it again.'
    return new UserError('refused', `${host} has another host key than when it was adopted.`, hint)
  }
  const last = text.split(/\r?\n/).at(-1) || 'the connection ended'
  return new UserError('unavailable', `${host} (port ${port}) does not answer as it should: ${last}`)
}
