/** What goes over an opened terminal, both ways: one byte of kind, four of length, then the bytes. */

export const kinds = { stdin: 0, stdout: 1, stderr: 2, resize: 3, exit: 4, end: 5 } as const
export type Kind = keyof typeof kinds

const names = Object.keys(kinds) as Kind[]

export function frame(kind: Kind, body: Uint8Array | string = ''): Buffer {
  const bytes = Buffer.from(body as string)
  const head = Buffer.alloc(5)
  head.writeUInt8(kinds[kind], 0)
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

/** Returns a function that takes chunks as they come and calls back once a frame. */
export function frameReader(onFrame: (kind: Kind, body: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (rest.length >= 5) {
      const end = 5 + rest.readUInt32BE(1)
      if (rest.length < end) return
      const kind = names[rest.readUInt8(0)]
      if (kind) onFrame(kind, rest.subarray(5, end))
      rest = rest.subarray(end)
    }
  }
}
