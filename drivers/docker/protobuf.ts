/** The little of protobuf's wire format that a BuildKit session needs. */

export type Field = readonly [number: number, value: Buffer | number]

/** Fields in order; numbers beyond 2^53 and fixed-width values do not occur in the messages that are read here. */
export function* fields(message: Buffer): Generator<Field> {
  let at = 0
  const varint = () => {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = message[at++]
      if (byte === undefined) throw new RangeError('protobuf message ends too early')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
  }
  while (at < message.length) {
    const key = varint()
    const number = Math.floor(key / 8)
    const wire = key & 7
    if (wire === 0) yield [number, varint()]
    else if (wire === 2) {
      const length = varint()
      yield [number, message.subarray(at, at + length)]
      at += length
    } else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else throw new RangeError(`protobuf wire type ${wire}`)
  }
}

export function bytesField(number: number, value: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(value.length), value])
}

export function varintField(number: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)])
}

function varint(value: number | bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  return Buffer.from([...bytes, Number(rest)])
}
