/** Who listens on a TCP port of this machine, read from /proc. */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename } from 'node:path'

/** A process that holds a listening socket. */
export interface Listener {
  readonly pid: number
  /** `nginx`, `docker-proxy`. */
  readonly program: string
  readonly words: string
  /** The systemd unit that it belongs to, or null. */
  readonly unit: string | null
}

/**
 * The processes of each listening socket; there are several when they share it, and several sockets, one an address.
 * Empty when nobody listens.
 */
export async function listenersOn(port: number): Promise<Listener[][]> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readOrEmpty(file)))
  const sockets = new Map<string, number[]>(
    tables.flatMap((table) => listeningInodes(table, port)).map((one) => [one, []]),
  )
  if (sockets.size === 0) return []
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  // One after the other: there may be thousands, and a few milliseconds more are no matter.
  for (const pid of pids) for (const inode of await socketsOf(pid)) sockets.get(inode)?.push(Number(pid))
  return Promise.all([...sockets.values()].map((owners) => Promise.all(owners.map(describe))))
}

/** Inode numbers of the sockets that listen on this port. */
export function listeningInodes(table: string, port: number): string[] {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((words) => words[3] === '0A' && words[1]?.endsWith(end))
    .map((words) => words[9] ?? '')
}

async function socketsOf(pid: string): Promise<Set<string>> {
  const files = await readdir(`/proc/${pid}/fd`).catch(() => [])
  const targets = await Promise.all(files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => '')))
  return new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []))
}

async function describe(pid: number): Promise<Listener> {
  const [program, words, groups] = await Promise.all([
    readlink(`/proc/${pid}/exe`).catch(() => 'another process'),
    readOrEmpty(`/proc/${pid}/cmdline`),
    readOrEmpty(`/proc/${pid}/cgroup`),
  ])
  const unit = /\/([^/\n]+\.service)$/m.exec(groups)?.[1] ?? null
  return { pid, program: basename(program), words: words.replaceAll('\0', ' ').trim(), unit }
}

const readOrEmpty = (path: string) => readFile(path, 'utf8').catch(() => '')
