/** Which TCP ports the processes of a container listen on, from the kernel's own table of its network. */
import { readFile } from 'node:fs/promises'

export interface Listening {
  readonly port: number
  readonly loopbackOnly: boolean
}

export async function listeningPorts(pid: number): Promise<Listening[]> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((table) => read(`/proc/${pid}/net/${table}`)))
  return parseListening(tables.join('\n'))
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

/** Lines such as `0: 0100007F:1F90 00000000:0000 0A …`: local address and port in hexadecimal, `0A` is "listening". */
export function parseListening(table: string): Listening[] {
  const ports = new Map<number, boolean>()
  for (const line of table.split('\n')) {
    const [, local, , state] = line.trim().split(/\s+/)
    const [address, port] = local?.split(':') ?? []
    if (state !== '0A' || !address || !port || address === engineResolver) continue
    const number = Number.parseInt(port, 16)
    ports.set(number, (ports.get(number) ?? true) && isLoopback(address))
  }
  return [...ports].map(([port, loopbackOnly]) => ({ port, loopbackOnly })).sort((a, b) => a.port - b.port)
}

/** 127.0.0.11, where the engine itself answers DNS inside every container. */
const engineResolver = '0B00007F'

/** The bytes of each 32-bit word are in the order of the machine: 127.x is at the end of the first. */
function isLoopback(address: string): boolean {
  if (address.length === 8) return address.endsWith('7F')
  return address === '00000000000000000000000001000000' || /^0{16}FFFF0000.{6}7F$/.test(address)
}
