import { expect, test } from 'vitest'
import { createTocReader } from './toc.ts'

/** A head as pg_dump 15 writes it, with these sequences. */
function head(sequences: readonly (readonly [name: string, set: string])[], minor = 14): Buffer {
  const int = (value: number) => {
    const bytes = Buffer.alloc(5)
    bytes.writeUInt8(value < 0 ? 1 : 0)
    bytes.writeUInt32LE(Math.abs(value), 1)
    return bytes
  }
  const text = (value: string | null) =>
    value === null ? int(-1) : Buffer.concat([int(Buffer.byteLength(value)), Buffer.from(value)])
  const entry = ([name, set]: readonly [string, string]) => [
    ...[
      int(7),
      int(0),
      text('0'),
      text('0'),
      text(name),
      text('SEQUENCE SET'),
      int(3),
      text(set),
      text(''),
      text(null),
    ],
    ...[
      text('public'),
      text(null),
      text(null),
      text('blog.owner'),
      text('false'),
      text('6'),
      text(null),
      Buffer.alloc(9),
    ],
  ]
  return Buffer.concat([
    Buffer.from('PGDMP'),
    Buffer.from([1, minor, 0, 4, 8, 1]),
    ...[int(-1), ...[1, 2, 3, 4, 5, 6, 7].map(int), text('blog'), text('15.20'), text('15.20')],
    int(sequences.length),
    ...sequences.flatMap(entry),
  ])
}

const set = (name: string, value: number, used: boolean) =>
  `SELECT pg_catalog.setval('public.${name}', ${value}, ${used});\n`

const whole = head([
  ['orders', set('orders', 42, true)],
  ['żółć', set('żółć', 1, false)],
  ['down', set('down', -7, true)],
])

test('the values of sequences are read from the head, in whatever pieces it comes', () => {
  for (const size of [1, 7, 100, 100_000]) {
    const reader = createTocReader()
    for (let at = 0; at < whole.length; at += size) reader.take(whole.subarray(at, at + size))
    reader.take(Buffer.from('what comes after the head'))
    expect(Object.fromEntries(reader.sequences())).toEqual({
      'public.orders': 'after 42',
      'public.żółć': 'before 1',
      'public.down': 'after -7',
    })
  }
})

test('a head that is not whole, is none, or has a form that nobody knows yet is no head', () => {
  const cut = createTocReader()
  cut.take(whole.subarray(0, whole.length - 1))
  expect(() => cut.sequences()).toThrow('not whole')
  expect(() => createTocReader().take(Buffer.from('-- a dump of another kind'))).toThrow('no dump')
  expect(() => createTocReader().take(head([], 99))).toThrow('1.99')
})
