/**
 * Takes out of a dump who made its views, triggers and routines: whoever restores it makes them anew. Only where the dump
 * program itself writes it, at the beginning of a line, so that no value of a row is touched.
 */
export async function* withoutDefiners(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  /** Beginning of a line that is not long enough to tell. */
  let head: Buffer | null = Buffer.alloc(0)
  for await (const chunk of bytes) {
    const out: Buffer[] = []
    let at = 0
    while (at < chunk.length) {
      const newline = chunk.indexOf(10, at)
      const end = newline < 0 ? chunk.length : newline + 1
      const piece = chunk.subarray(at, end)
      if (head === null) out.push(piece)
      else {
        head = head.length === 0 ? piece : Buffer.concat([head, piece])
        if (newline >= 0 || head.length >= longestHead) {
          out.push(withoutDefiner(head))
          head = null
        }
      }
      if (newline >= 0) head = Buffer.alloc(0)
      at = end
    }
    if (out.length > 0) yield Buffer.concat(out)
  }
  if (head !== null && head.length > 0) yield withoutDefiner(head)
}

/** Bytes. Names have at most 80 letters and hosts 255, with four bytes each. */
const longestHead = 2048

const account = '`(?:[^`]|``)*`@`(?:[^`]|``)*`'
const definer = new RegExp(
  String.raw`^((?:/\*!\d+ )?(?:CREATE(?: OR REPLACE)?(?: ALGORITHM=\w+)?(?:\*/)? +(?:/\*!\d+ )?)?)DEFINER=${account} ?`,
)

function withoutDefiner(line: Buffer): Buffer {
  // Most lines are rows, and rows are the long ones.
  if (line[0] !== 0x2f && line[0] !== 0x43) return line
  const text = line.toString('latin1')
  return definer.test(text) ? Buffer.from(text.replace(definer, '$1'), 'latin1') : line
}
