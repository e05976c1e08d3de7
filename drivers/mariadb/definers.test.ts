import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { withoutDefiners } from './definers.ts'

test.each([
  ['/*!50013 DEFINER=`u1`@`%` SQL SECURITY DEFINER */', '/*!50013 SQL SECURITY DEFINER */'],
  [
    '/*!50003 CREATE*/ /*!50017 DEFINER=`ro``ot`@`local host`*/ /*!50003 TRIGGER t BEFORE INSERT ON a',
    '/*!50003 CREATE*/ /*!50017 */ /*!50003 TRIGGER t BEFORE INSERT ON a',
  ],
  [
    '/*!50106 CREATE*/ /*!50117 DEFINER=`u`@`%`*/ /*!50106 EVENT `e`',
    '/*!50106 CREATE*/ /*!50117 */ /*!50106 EVENT `e`',
  ],
  ['CREATE DEFINER=`u1`@`%` FUNCTION `f`() RETURNS int(11)', 'CREATE FUNCTION `f`() RETURNS int(11)'],
  [
    'CREATE ALGORITHM=MERGE DEFINER=`u1`@`%` SQL SECURITY INVOKER VIEW',
    'CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW',
  ],
])('%s loses its maker, wherever the bytes are cut', async (line, expected) => {
  const text = `-- first\n${line}\nlast`
  for (const size of [1, 2, 7, 1000]) expect(await through(text, size)).toBe(`-- first\n${expected}\nlast`)
})

test('rows keep every byte, also those that look like a definition', async () => {
  const rows = [
    "INSERT INTO `t` VALUES (1,'/*!50013 DEFINER=`u1`@`%` SQL SECURITY DEFINER */');",
    "(2,'CREATE DEFINER=`u1`@`%` FUNCTION'),",
    `(3,'${'x'.repeat(10_000)}CREATE DEFINER=\`u1\`@\`%\`')`,
    'CREATE TABLE `DEFINER=` (a int);',
    '\x80\xff\x00é',
  ].join('\n')
  for (const size of [1, 5, 4096]) expect(await through(rows, size)).toBe(rows)
})

async function through(text: string, size: number): Promise<string> {
  const bytes = Buffer.from(text)
  const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
    bytes.subarray(n * size, (n + 1) * size),
  )
  return String(await buffer(withoutDefiners(Readable.from(chunks))))
}
