/** Files in containers that do not run yet, and whose they are to be. */
import { buffer, text } from 'node:stream/consumers'
import type { Client } from './client.ts'
import { isStatus } from './transport.ts'

export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** Whom the container runs as, by the image's own list of users. */
export async function ownerOf(client: Client, id: string): Promise<Owner> {
  const { User: user } = (await client.container(id).inspect()).Config
  if (!user) return { uid: 0, gid: 0 }
  const [passwd, group] = await Promise.all(['/etc/passwd', '/etc/group'].map((path) => readFile(client, id, path)))
  return findOwner(user, passwd ?? '', group ?? '')
}

/** `name`, `7`, `name:group` or `7:8` → numbers. Pure. */
export function findOwner(user: string, passwd: string, group: string): Owner {
  const [name = '', groupName] = user.split(':')
  const [, , uid, gid] = rowOf(passwd, name) ?? []
  const named = groupName === undefined ? gid : (rowOf(group, groupName)?.[2] ?? groupName)
  return { uid: Number(uid ?? name) || 0, gid: Number(named ?? 0) || 0 }
}

/** By name, or by the number in the third column. */
function rowOf(table: string, key: string): string[] | undefined {
  const rows = table.split('\n').map((line) => line.split(':'))
  return rows.find(([name]) => name === key) ?? rows.find(([, , number]) => number === key)
}

/** With mode 0600. They are in the container's own layer: neither its description nor its image shows them. */
export async function writeFiles(
  client: Client,
  id: string,
  files: Readonly<Record<string, string>>,
  { uid, gid }: Owner,
): Promise<void> {
  if (Object.keys(files).length === 0) return
  const { pack } = await import('tar-stream')
  const out = pack()
  for (const [path, content] of Object.entries(files)) {
    out.entry({ name: path.replace(/^\/+/, ''), mode: 0o600, uid, gid, mtime: new Date(0) }, content)
  }
  out.finalize()
  await client.container(id).putArchive(await buffer(out), { path: '/' })
}

/** Null when the image has no such file. */
async function readFile(client: Client, id: string, path: string): Promise<string | null> {
  const { extract } = await import('tar-stream')
  try {
    const packed = (await client.container(id).getArchive({ path })).pipe(extract())
    for await (const entry of packed) return await text(entry)
    return null
  } catch (error) {
    if (isStatus(error, 404)) return null
    throw error
  }
}
