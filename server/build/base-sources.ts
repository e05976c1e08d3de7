/** What bases are made of when Docker Hub is out of reach: Debian's archive and packages of the npm registry. */
import { spawn } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { UserError } from '../errors.ts'

/** Writes Debian's smallest system as a tar, from the mirror that this server uses itself. */
export async function makeStack(release: string, path: string): Promise<void> {
  const [main, security] = await mirrors()
  const excluded = ['/usr/share/man/*', '/usr/share/locale/*', '/usr/share/doc/*']
  await run('mmdebstrap', [
    '--quiet',
    '--variant=minbase',
    '--include=ca-certificates',
    ...excluded.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    '--dpkgopt=path-include=/usr/share/doc/*/copyright',
    release,
    path,
    `deb ${main} ${release} main`,
    `deb ${main} ${release}-updates main`,
    `deb ${security} ${release}-security main`,
  ])
}

/** Debian's archive and its security archive, as the package sources of this server name them. */
async function mirrors(): Promise<[main: string, security: string]> {
  const texts: string[] = []
  for (const folder of ['/etc/apt/sources.list.d', '/etc/apt', '/etc/apt/mirrors']) {
    for (const name of (await readdir(folder).catch(() => [])).sort()) {
      if (name.endsWith('.sources') || name.endsWith('.list')) texts.push(await readFile(join(folder, name), 'utf8'))
    }
  }
  const uris =
    texts
      .join('\n')
      .replace(/^\s*#.*$/gm, '')
      .match(/https?:\/\/\S+/g) ?? []
  const ending = (path: string) => {
    const found = uris.find((uri) => uri.replace(/\/$/, '').endsWith(path))
    if (found) return found
    throw new UserError(
      'refused',
      `The package sources of this server name no ${path.slice(1)} archive, and bases are made of it.`,
      'Look at /etc/apt/sources.list.',
    )
  }
  return [ending('/debian'), ending('/debian-security')]
}

/** Fetches packages of the npm registry as tarballs with given names. Nothing of them is run. */
export async function fetchPackages(
  packages: readonly (readonly [file: string, name: string])[],
  folder: string,
): Promise<void> {
  for (const [file, name] of packages) {
    // In the folder itself, so that no project's .npmrc counts.
    const output = await run(await npm(), ['pack', name, '--ignore-scripts', '--silent'], folder)
    const packed = output.trim().split('\n').pop() ?? ''
    await rename(join(folder, basename(packed)), join(folder, file))
  }
}

/** The npm that came with this Node; another one may be first in the PATH. */
async function npm(): Promise<string> {
  const beside = join(dirname(process.execPath), 'npm')
  return (await stat(beside).catch(() => null)) ? beside : 'npm'
}

/** A tar of the files of a folder, written beside them. */
export async function packFolder(folder: string): Promise<string> {
  const { pack } = await import('tar-stream')
  const names = await readdir(folder)
  const path = join(folder, '.context.tar')
  const out = pack()
  const written = pipeline(out as AsyncIterable<Buffer>, createWriteStream(path))
  const packing = async () => {
    for (const name of names) {
      const { size } = await stat(join(folder, name))
      await pipeline(createReadStream(join(folder, name)), out.entry({ name, size, mtime: new Date(0) }))
    }
    out.finalize()
  }
  await Promise.all([written, packing()])
  return path
}

export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-base-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Runs a program and returns what it printed. Its last lines explain a failure. */
function run(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-8192)
  })
  child.on('error', (error: NodeJS.ErrnoException) => {
    const isMissing = error.code === 'ENOENT'
    const hint = isMissing ? `Install it on the server: apt-get install ${program}` : undefined
    reject(
      isMissing
        ? new UserError('unavailable', `${program} is not installed; it is needed to make base images.`, hint)
        : error,
    )
  })
  child.on('close', (code) => {
    if (code === 0) return resolve(output)
    const last = errors.trimEnd().split('\n').slice(-10)
    reject(
      new UserError(
        'unavailable',
        `${program} failed with exit code ${code}; no base image was made.`,
        undefined,
        last,
      ),
    )
  })
  return promise
}
