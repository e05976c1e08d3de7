/** Makes a table the one that nginx uses, and hands over what it points to. */
import { createHash } from 'node:crypto'
import type { HostBasics } from '../../server/devices/driver.ts'
import type { PartId, Parts, RouteTable } from '../../server/domain/route.ts'
import { UserError } from '../../server/errors.ts'
import { largestTable, type Paths } from './config.ts'
import { callControl, okay } from './control.ts'
import type { Saved } from './saved.ts'

export interface Connection {
  readonly paths: Paths
  readonly saved: Saved
  readonly host: HostBasics
}

/** A certificate or a page that a table points to and nginx does not have. */
interface Missing {
  readonly key: string
  /** One that points to it. */
  readonly host: string
}

/** Characters of parts that are handed over in one call. */
const mostAtOnce = 2_000_000

/** Returns the mark of the table. Throws as `ProxyDriver.apply` does. */
export async function apply(connection: Connection, table: RouteTable, parts: Parts = nobody): Promise<string> {
  const { paths, saved, host } = connection
  const inside = JSON.stringify(table).slice(1)
  // Equal tables have equal marks: one that another kernel pushes again is the same.
  const mark = createHash('sha256').update(inside).digest('hex').slice(0, 16)
  const text = `{"mark":"${mark}",${inside}`
  const size = Buffer.byteLength(text)
  if (size > largestTable) throw tooLarge(`It has ${size} bytes, at most ${largestTable} fit.`)
  const prepare = async () => {
    saved.prepareTable(text)
    return keysOf(table)
  }
  // What of the saving needs no consent is done while nginx reads the table.
  let prepared: Promise<ReadonlySet<string>> | undefined
  const missing = await offer(paths, text, () => {
    prepared = prepare()
    prepared.catch(() => {})
  })
  const fresh = new Map<string, string>()
  for (const { key } of missing) fresh.set(key, await parts(idOf(key)))
  if (missing.length > 0) {
    await handOver(paths, missing, fresh)
    const still = await offer(paths, text)
    if (still.length > 0) throw new Error(`nginx lacks ${still[0]?.key}, which it was given`)
  }
  try {
    for (const [key, part] of fresh) saved.savePart(key, part)
    saved.useTable(await (prepared ?? prepare()))
  } catch (error) {
    host.log.error('the last table was not saved; a restarted proxy waits for the kernel', error)
    saved.drop()
  }
  return mark
}

/** The parts that nginx lacks; none: the table is in use. */
async function offer(paths: Paths, text: string, onSent?: () => void): Promise<readonly Missing[]> {
  const answer = await callControl(paths.socket, '/table', text, onSent)
  if (answer.status === 409) return JSON.parse(answer.text) as Missing[]
  refuse(answer)
  okay(answer)
  return []
}

async function handOver(paths: Paths, missing: readonly Missing[], texts: ReadonlyMap<string, string>): Promise<void> {
  let batch: object[] = []
  let size = 0
  const send = async () => {
    if (batch.length === 0) return
    const answer = await callControl(paths.socket, '/parts', JSON.stringify(batch))
    refuse(answer)
    okay(answer)
    batch = []
    size = 0
  }
  for (const { key, host } of missing) {
    const text = texts.get(key) ?? ''
    batch.push({ key, host, text })
    size += text.length
    if (size > mostAtOnce) await send()
  }
  await send()
}

/** It becomes the name of a file. */
function idOf(key: string): PartId {
  const id = key.match(/^(?:certificate|page)-([0-9a-f]{32})$/)?.[1]
  if (id === undefined) throw new Error(`A part of the table is called ${key}`)
  return id
}

function keysOf({ hosts, internal = {} }: RouteTable): Set<string> {
  const keys = new Set<string>()
  const addPage = (maintenance?: string) => {
    if (maintenance !== undefined && maintenance !== 'standard') keys.add(`page-${maintenance}`)
  }
  for (const host of Object.values(hosts)) {
    addPage(host.maintenance)
    if (host.certificate !== undefined) keys.add(`certificate-${host.certificate}`)
    for (const route of Object.values(host.paths ?? {})) addPage(route.maintenance)
  }
  for (const { maintenance } of Object.values(internal)) addPage(maintenance)
  return keys
}

function refuse({ status, text }: { status: number; text: string }): void {
  if (status === 507) throw tooLarge(text)
  if (status === 422) throw new UserError('refused', 'The proxy cannot use the routing table.', undefined, [text])
}

function tooLarge(detail: string): UserError {
  return new UserError('refused', 'The routing table does not fit into the proxy.', 'Remove domains.', [detail])
}

async function nobody(id: PartId): Promise<string> {
  throw new Error(`The table points to ${id}, and came without what it points to`)
}
