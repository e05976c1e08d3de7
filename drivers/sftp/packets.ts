/** How SFTP packs its fields: a length before every packet and before every string. */

/** The longest answer that is believed; reads ask for 32 KiB at most, and listings come in pieces. */
const longest = 4 * 1024 * 1024

/** Every packet has its length before it. */
export function packets(arrived: (packet: Buffer) => void, fail: (error: Error) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    while (rest.length >= 4) {
      const length = rest.readUInt32BE(0)
      if (length === 0 || length > longest) return fail(new Error('it does not speak SFTP'))
      if (rest.length < 4 + length) return
      const packet = rest.subarray(4, 4 + length)
      rest = rest.subarray(4 + length)
      try {
        arrived(packet)
      } catch {
        return fail(new Error('it does not speak SFTP'))
      }
    }
  }
}

export function packet(type: number, fields: readonly (Buffer | string | number)[]): Buffer {
  const parts = fields.flatMap((field) => {
    if (typeof field === 'number') return [word(field)]
    const bytes = Buffer.from(field)
    return [word(bytes.length), bytes]
  })
  const body = Buffer.concat([Buffer.from([type]), ...parts])
  return Buffer.concat([word(body.length), body])
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A 64-bit number, as two words. */
export function long(value: number): [number, number] {
  return [Math.floor(value / 2 ** 32), value % 2 ** 32]
}

/** Attributes that say the mode, and nothing else. */
export function mode(bits: number): [number, number] {
  return [0x04, bits]
}

export interface Reader {
  readonly type: number
  number(): number
  long(): number
  bytes(): Buffer
  text(): string
  readonly left: number
}

export function reader(packet: Buffer): Reader {
  let at = 1
  const number = () => {
    at += 4
    return packet.readUInt32BE(at - 4)
  }
  const bytes = () => {
    const length = number()
    if (at + length > packet.length) throw new Error('a packet ends early')
    at += length
    return packet.subarray(at - length, at)
  }
  return {
    type: packet[0] ?? 0,
    number,
    bytes,
    long: () => number() * 2 ** 32 + number(),
    text: () => bytes().toString('utf8'),
    get left() {
      return packet.length - at
    },
  }
}
