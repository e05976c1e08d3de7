/**
 * The machine's own tar: it goes from folder to folder by what it has open and follows no link, so that an app which
 * moves links about meanwhile cannot lead it out of the volume.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Dump } from '../devices/classes/database.ts'
import { UserError } from '../errors.ts'
import { listFiles } from './tar-contents.ts'

/** Sockets are left out: they are nothing without who listens. */
const reading = ['--create', '--format=pax', '--numeric-owner', '--sort=name', '--warning=no-file-ignored']
const writing = ['--extract', '--preserve-permissions', '--numeric-owner', '--delay-directory-restore']

/** Everything in the folder, itself included. */
export function packFolder(folder: string, signal: AbortSignal): Dump {
  const tar = start([...reading, '--pax-option=delete=atime,delete=ctime', '--directory', folder, '.'], signal)
  tar.stdin.end()
  // 1: a file was changed while it was read.
  return listFiles(tar.stdout, ended(tar, [0, 1]), signal)
}

/** Into an empty folder that nobody else writes in. Throws `refused` when the bytes are no whole tar. */
export async function unpackInto(folder: string, bytes: Readable, signal: AbortSignal): Promise<void> {
  const tar = start([...writing, '--directory', folder], signal)
  tar.stdout.resume()
  const end = ended(tar, [0])
  // When tar gives up, why is what it says itself.
  const feeding = pipeline(bytes, tar.stdin, { signal }).catch((error) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  })
  const results = await Promise.allSettled([feeding, end])
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

type Tar = ChildProcessByStdio<Writable, Readable, Readable>

function start(words: readonly string[], signal: AbortSignal): Tar {
  // Messages in English, whatever the machine speaks.
  const tar = spawn('tar', ['--file=-', ...words], { signal, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } })
  tar.on('error', () => {})
  tar.stdin.on('error', () => {})
  return tar
}

async function ended(tar: Tar, good: readonly number[]): Promise<void> {
  let said = ''
  tar.stderr.on('data', (bytes) => (said = `${said}${bytes}`.slice(-4096)))
  const { promise, resolve } = Promise.withResolvers<readonly [number | null, string | null]>()
  tar.on('close', (...end) => resolve(end))
  const [code, signal] = await promise
  if (code !== null && good.includes(code)) return
  const first = said.split('\n')[0]?.replace(/^tar: /, '') || `it was ended (${signal ?? code})`
  if (/No space left on device/.test(said)) throw new UserError('unavailable', 'The disk of the server is full.')
  const broken = /Unexpected EOF|does not look like a tar|Skipping to next header/.test(said)
  throw new UserError(broken ? 'refused' : 'unavailable', `tar failed: ${first}.`)
}
