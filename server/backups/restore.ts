/** `node server/backups/restore.ts open FILE FOLDER`, `… put-back FOLDER`: what install.sh --restore asks, before there is a kernel. */
import { createReadStream, createWriteStream } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { readConfig } from '../config.ts'
import { writeFolder } from '../devices/driver-folder.ts'
import { filesOf } from '../devices/driver-tar.ts'
import { messageOf, UserError } from '../errors.ts'
import { prepareHome } from '../home.ts'
import { findAccount } from '../push/account.ts'
import { createBundles } from '../push/bundles.ts'
import { createRepositories } from '../push/repositories.ts'
import { checkBackup } from '../state/migrate.ts'
import { damaged, decrypt } from './age.ts'
import { readArchive } from './archive.ts'
import { carried, format } from './capture.ts'

const known =
  /^(about\.json|state\.sqlite|settings\.env|sshd\/host_[a-z0-9]+(\.pub)?|repositories\/[0-9a-f]{8}\.bundle|drivers\/[a-z][a-z0-9-]{0,29}\.tar)$/

/** Unpacks a backup into a new folder that only root can enter; nothing is there unless all of it is whole and fits. */
export async function openBackup(source: AsyncIterable<Buffer>, key: string, folder: string): Promise<void> {
  const secret = readKey(key)
  await mkdir(folder, { mode: 0o700 })
  try {
    const names = new Set<string>()
    await readArchive(decrypt(source, secret.toString('base64')), async (name, content) => {
      if (name === 'about.json') return checkFormat(await text(content as NodeJS.ReadableStream))
      if (!known.test(name) || names.has(name)) throw damaged()
      names.add(name)
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await pipeline(content, createWriteStream(join(folder, name), { flags: 'wx', mode: 0o600, flush: true }))
    })
    if (!names.has('state.sqlite') || !names.has('settings.env')) throw damaged()
    checkBackup(join(folder, 'state.sqlite'))
    await checkSettings(join(folder, 'settings.env'))
    await writeFile(join(folder, 'secret.key'), secret, { mode: 0o600 })
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw (error as NodeJS.ErrnoException).code === 'ENOSPC' ? full(folder) : error
  }
}

/** Makes the repositories of the data home from their bundles. */
async function loadRepositories(folder: string): Promise<void> {
  const config = readConfig()
  const account = await findAccount(config.user)
  await prepareHome(config, account)
  const repositories = createRepositories(config.paths.repositories, join(config.program, 'hooks'), account)
  const bundles = createBundles(config.paths.repositories, account)
  const from = join(folder, 'repositories')
  const files = await readdir(from).catch(() => [])
  // git reads them as the user that it runs as.
  if (files.length > 0) await Promise.all([folder, from].map((path) => chmod(path, 0o711)))
  for (const file of files) {
    await bundles.load(await repositories.ensure(file.replace(/\.bundle$/, '')), join(from, file))
  }
}

/** The drivers that were added, whole as they were: they are used again as far as an admin has approved exactly this. */
export async function loadDrivers(from: string, to: string): Promise<void> {
  for (const file of await readdir(from).catch(() => [])) {
    await writeFolder(await filesOf(createReadStream(join(from, file))), join(to, file.replace(/\.tar$/, '')))
  }
}

async function putBack(folder: string): Promise<void> {
  await loadRepositories(folder)
  await loadDrivers(join(folder, 'drivers'), readConfig().paths.drivers)
}

function readKey(text: string): Buffer {
  const key = Buffer.from(text.trim(), 'base64')
  if (key.length === 32 && key.toString('base64') === text.trim()) return key
  throw new UserError(
    'usage',
    'That is not an encryption key.',
    'It has 44 characters and ends with an equals sign; it was shown when the old server was installed.',
  )
}

function checkFormat(about: string): void {
  const { format: written, program } = JSON.parse(about)
  if (written >= 1 && written <= format) return
  throw new UserError(
    'conflict',
    `The backup was written by MegapolOS ${program}, in a format that this one does not know.`,
    'Take the install.sh of that version or of a newer one.',
  )
}

/** They become the environment of an installation by root; whoever has had the old server must not choose others. */
async function checkSettings(path: string): Promise<void> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  if (!lines.every((line) => carried.test(line))) throw damaged()
}

function full(folder: string): UserError {
  return new UserError(
    'unavailable',
    `The disk is full: there is no room for the backup in ${dirname(folder)}.`,
    'Make room, and run this again.',
  )
}

if (import.meta.main) {
  const [act, ...rest] = process.argv.slice(2)
  const open = async ([file = '', folder = '']: string[]) =>
    openBackup(createReadStream(file), await text(process.stdin), folder)
  await (act === 'open' ? open(rest) : putBack(rest[0] ?? '')).catch((error) => {
    const hint = error instanceof UserError ? error.hint : ''
    process.stderr.write(`${messageOf(error)}\n${hint ?? ''}\n`)
    process.exitCode = 1
  })
}
