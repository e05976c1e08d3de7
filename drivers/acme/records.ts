/**
 * TXT records, written by whoever the settings name. Each is noted in a file before it is written, so that one that a
 * kernel left when it died is taken away by the next one.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../../server/errors.ts'
import { updateDns } from './nsupdate.ts'
import type { Dns } from './settings.ts'
import { tellWebhook } from './webhook.ts'
import type { Host, TxtRecord } from './writer.ts'

export interface Records {
  /** The CA can see it when this resolves. Others of the same name stay. */
  add(record: TxtRecord, signal: AbortSignal): Promise<void>
  /** Never throws: one that could not be removed is tried again before the next ones are added. */
  remove(record: TxtRecord): Promise<void>
  /** Takes away what is left of records that nobody needs any more. Never throws. */
  tidy(): Promise<void>
  /** Looks whether it could be done at all. */
  check(): Promise<void>
}

/** Milliseconds that a removal may take: it goes on though the rest was cancelled. */
const patience = 30_000

export function createRecords(host: Host, dns: Dns): Records {
  const folder = join(host.folder, 'records')
  const { check, write } = dns.by === 'rfc2136' ? updateDns(host, dns) : tellWebhook(host, dns)
  /** Paths of those that are in use. */
  const needed = new Set<string>()
  const noteOf = ({ name, value }: TxtRecord) =>
    join(folder, createHash('sha256').update(`${name} ${value}`).digest('hex').slice(0, 32))

  const removed = async (record: TxtRecord): Promise<boolean> => {
    try {
      await write('remove', record, AbortSignal.timeout(patience))
      await rm(noteOf(record), { force: true })
      return true
    } catch (error) {
      host.log.warn('acme.record-left', { record: record.name, why: messageOf(error) })
      return false
    }
  }
  return {
    check,
    async add(record, signal) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      needed.add(noteOf(record))
      await writeFile(noteOf(record), JSON.stringify(record), { flush: true })
      await write('add', record, signal)
      await pause(dns.wait * 1000, undefined, { signal }).catch(() => signal.throwIfAborted())
    },
    async remove(record) {
      needed.delete(noteOf(record))
      await removed(record)
    },
    async tidy() {
      for (const name of await readdir(folder).catch(() => [])) {
        const path = join(folder, name)
        if (needed.has(path)) continue
        const record = await readFile(path, 'utf8').then(
          (text) => JSON.parse(text) as TxtRecord,
          () => null,
        )
        // Cut off while it was noted: nothing was written yet.
        if (record === null) await rm(path, { force: true })
        // Whoever refuses one, or does not answer, is not asked for each of them.
        else if (!(await removed(record))) return
      }
    },
  }
}
