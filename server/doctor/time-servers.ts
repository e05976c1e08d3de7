/** How far this machine's clock is from others': one SNTP question (RFC 4330) to the time servers that it is set to use. */
import { createSocket } from 'node:dgram'
import { readFile } from 'node:fs/promises'

export interface Offset {
  readonly server: string
  /** Seconds that this machine's clock is ahead. */
  readonly ahead: number
}

/** What Debian's own time service asks when nobody says otherwise. */
const usual = ['0.debian.pool.ntp.org', '1.debian.pool.ntp.org']
const settings = ['/etc/chrony/chrony.conf', '/etc/systemd/timesyncd.conf', '/etc/ntpsec/ntp.conf', '/etc/ntp.conf']

export async function timeServers(): Promise<string[]> {
  const texts = await Promise.all(settings.map((file) => readFile(file, 'utf8').catch(() => '')))
  const named = texts.flatMap(serversIn)
  return (named.length > 0 ? named : usual).slice(0, 3)
}

export function serversIn(text: string): string[] {
  return [...text.matchAll(/^\s*(?:(?:server|pool)\s+(\S+)|NTP=(.*))/gm)].flatMap(([, one, several]) =>
    one ? [one] : (several ?? '').split(/\s+/).filter(Boolean),
  )
}

/** The first answer, or null when none comes within `patience` ms. */
export async function clockOffset(
  servers: readonly string[],
  now: () => number,
  { port = 123, patience = 1_500 } = {},
): Promise<Offset | null> {
  const asked = servers.map((server) => ask(server, port, now, patience))
  return Promise.any(asked).catch(() => null)
}

/** Seconds between 1900, where NTP begins, and 1970. */
const epoch = 2_208_988_800

function ask(server: string, port: number, now: () => number, patience: number): Promise<Offset> {
  const socket = createSocket({ type: server.includes(':') ? 'udp6' : 'udp4' })
  const question = Buffer.alloc(48)
  // Version 4, client.
  question[0] = 0x23
  let sent = now()
  return new Promise<Offset>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${server} does not answer`)), patience)
    socket.once('error', reject)
    socket.once('close', () => clearTimeout(late))
    socket.on('message', (answer) => {
      const received = now()
      // Mode 4 is a server's; stratum 0 says that it does not know the time itself.
      if (answer.length < 48 || ((answer[0] ?? 0) & 7) !== 4 || answer[1] === 0) return
      const theirs = (stamp(answer, 32) + stamp(answer, 40)) / 2
      resolve({ server, ahead: (sent + received) / 2000 - theirs })
    })
    socket.connect(port, server, (error?: Error) => {
      if (error) return reject(error)
      sent = now()
      socket.send(question)
    })
  }).finally(() => socket.close())
}

/** Seconds since 1970. */
function stamp(answer: Buffer, at: number): number {
  return answer.readUInt32BE(at) - epoch + answer.readUInt32BE(at + 4) / 2 ** 32
}
