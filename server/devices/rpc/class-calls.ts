/**
 * The calls of each class as they go over the line to a driver: the names and the order of arguments are those of
 * `classes/`. What comes back is somebody's word, so it is checked before anyone relies on it.
 */
import { z } from 'zod'

export interface ClassCall {
  /** Seconds that it may take. */
  readonly seconds: number
  readonly result: z.ZodType
}

const minute = 60
const hour = 60 * minute
/** Longer ones in a list or a name are nothing but a way to fill memory. */
const word = z.string().max(500)
const nothing = z.unknown().transform(() => undefined)
const stream = z.strictObject({ stream: z.int() })

const contents = z.strictObject({
  tables: z.array(z.strictObject({ name: word, rows: z.number().min(0), checksum: word })),
  definitions: z.array(z.string()),
})

const exec = z.strictObject({
  command: z.array(z.string()).min(1),
  env: z.record(z.string(), z.string()).optional(),
  user: word.optional(),
})

const quick = (result: z.ZodType): ClassCall => ({ seconds: minute, result })
const slow = (result: z.ZodType): ClassCall => ({ seconds: hour, result })

const database: Record<string, ClassCall> = {
  install: slow(nothing),
  adopt: slow(nothing),
  uninstall: slow(nothing),
  restart: { seconds: 5 * minute, result: nothing },
  status: quick(
    z.strictObject({ running: z.boolean(), version: word.nullable(), problem: z.string().max(2000).nullable() }),
  ),
  logs: quick(z.array(z.string()).max(10_000)),
  create: { seconds: 5 * minute, result: nothing },
  drop: { seconds: 5 * minute, result: nothing },
  list: quick(z.array(word)),
  grant: quick(z.strictObject({ host: word, port: z.int().min(1).max(65_535), database: word })),
  revoke: quick(nothing),
  logins: quick(z.array(word)),
  inspect: slow(contents),
  /** The token comes back in `dumped`, once the bytes have been read. */
  dump: { seconds: 5 * minute, result: z.strictObject({ bytes: stream, token: z.json().default(null) }) },
  dumped: slow(contents),
  restore: { seconds: 24 * hour, result: nothing },
  connect: quick(
    z.discriminatedUnion('in', [
      z.strictObject({ in: z.literal('container'), container: word, exec }),
      z.strictObject({ in: z.literal('node'), exec }),
    ]),
  ),
}

const archive: Record<string, ClassCall> = {
  check: quick(nothing),
  put: { seconds: 24 * hour, result: z.strictObject({ bytes: z.number().min(0) }) },
  get: { seconds: 5 * minute, result: stream },
  list: { seconds: 5 * minute, result: z.array(z.strictObject({ name: word, bytes: z.number().min(0) })) },
  delete: { seconds: 5 * minute, result: nothing },
}

export const classCalls: Readonly<Record<string, Readonly<Record<string, ClassCall>>>> = { database, archive }
