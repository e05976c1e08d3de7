/** Dumps: pg_dump on a snapshot that a session of ours holds, which counts meanwhile what is in it. */
import type { Dump } from '../../server/devices/classes/database.ts'
import type { Process } from '../../server/devices/driver.ts'
import type { Session } from '../shared/client.ts'
import { dumpStream } from '../shared/dump-stream.ts'
import { count, lockTables, snapshot, toContents } from './contents.ts'
import type { Place } from './place.ts'
import { failure, openSession, start } from './psql.ts'
import { createTocReader, type TocReader } from './toc.ts'

export async function dump(place: Place, database: string, signal: AbortSignal): Promise<Dump> {
  // Whoever stops reading ends the programs as well.
  const stop = new AbortController()
  const ended = AbortSignal.any([signal, stop.signal])
  try {
    const session = await openSession(place, database, ended)
    const [id = ''] = await session.ask(`${snapshot}\nSELECT pg_export_snapshot();\n${lockTables}`)
    const program = await start(place, {
      command: [place.program('pg_dump'), '-Fc', '--no-owner', '--no-privileges', `--snapshot=${id}`, '-d', database],
      env: place.admin,
      signal: ended,
    })
    return follow(program, session, { signal, stop })
  } catch (error) {
    stop.abort()
    throw error
  }
}

interface Ends {
  readonly signal: AbortSignal
  readonly stop: AbortController
}

function follow(program: Process, session: Session, { signal, stop }: Ends): Dump {
  program.stdin.end()
  const toc = createTocReader()
  const counted = session.ask(count)
  const { bytes, whole } = dumpStream(read(program, toc), signal, () => stop.abort())
  const contents = (async () => {
    try {
      await whole
      const lines = await counted
      await session.close()
      return toContents(lines, toc.sequences())
    } finally {
      stop.abort()
    }
  })()
  // Who saw the bytes break may not look here any more.
  contents.catch(() => {})
  counted.catch((error) => bytes.destroy(error))
  return { bytes, contents }
}

/** Ends well only when pg_dump did. */
async function* read(program: Process, toc: TocReader): AsyncGenerator<Buffer, void> {
  for await (const chunk of program.stdout as AsyncIterable<Buffer>) {
    toc.take(chunk)
    yield chunk
  }
  const { code, stderr } = await program.ended
  if (code !== 0) throw failure(code, stderr)
}
