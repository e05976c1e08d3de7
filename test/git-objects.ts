/** Objects that git itself would not make, for pushes that nobody means well with. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { constants, createDeflate } from 'node:zlib'
import type { Person } from './person.ts'

export interface Entry {
  readonly mode: '100644' | '120000' | '40000' | '160000'
  readonly name: string
  /** An object's name, or the text of a new one. */
  readonly object: string
}

/** Writes a tree byte by byte, whatever its names are; returns its name. */
export async function tree(person: Person, entries: readonly Entry[]): Promise<string> {
  const rows: Buffer[] = []
  for (const { mode, name, object } of entries) {
    const id = /^[0-9a-f]{40}$/.test(object) ? object : await blob(person, object)
    rows.push(Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex'))
  }
  const file = join(person.folder, '.git/tree-to-be')
  await writeFile(file, Buffer.concat(rows))
  return person.must('git', 'hash-object', '-t', 'tree', '-w', '--literally', file)
}

export async function blob(person: Person, text: string | Buffer): Promise<string> {
  const file = join(person.folder, '.git/blob-to-be')
  await writeFile(file, text)
  return person.must('git', 'hash-object', '-w', '--no-filters', file)
}

/** A commit of this tree on top of what is checked out; returns its name. */
export function commitTree(person: Person, treeId: string): Promise<string> {
  return person.must('git', 'commit-tree', '-p', 'HEAD', '-m', 'A tree', treeId)
}

export type Pack = (to: NodeJS.WritableStream, hangUp: () => void) => Promise<void>

/** `git receive-pack` by hand: the command that moves main to `commit`, then whatever `pack` says; returns all that was answered. */
export async function sendPack(
  ssh: readonly string[],
  app: string,
  old: string,
  commit: string,
  pack: Pack,
): Promise<string> {
  const child = spawn(ssh[0] ?? '', [...ssh.slice(1), `git-receive-pack '${app}'`], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (said += bytes))
  child.stdin.on('error', () => {})
  const ended = once(child, 'close')
  const command = `${old} ${commit} refs/heads/main\0report-status side-band-64k`
  child.stdin.write(`${(command.length + 4).toString(16).padStart(4, '0')}${command}0000`)
  await Promise.race([pack(child.stdin, () => child.kill()).catch(() => {}), ended])
  child.stdin.end()
  await ended
  return said
}

/** The beginning of a pack with one blob of `size` bytes of zeros, which are not compressed: as large as they are. */
export async function packOfZeros(to: NodeJS.WritableStream, size: number): Promise<void> {
  to.write(Buffer.from('PACK\0\0\0\x02\0\0\0\x01', 'latin1'))
  to.write(objectHeader(3, size))
  const deflate = createDeflate({ level: constants.Z_NO_COMPRESSION })
  deflate.on('data', (bytes) => {
    if (!to.write(bytes)) {
      deflate.pause()
      to.once('drain', () => deflate.resume())
    }
  })
  const zeros = Buffer.alloc(1024 ** 2)
  for (let sent = 0; sent < size; sent += zeros.length) {
    if (!deflate.write(zeros)) await once(deflate, 'drain')
  }
}

/** Type and size, seven bits a byte after the first four. */
function objectHeader(type: number, size: number): Buffer {
  const bytes = [(type << 4) | (size % 16)]
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80
    bytes.push(rest % 128)
  }
  return Buffer.from(bytes)
}
