/** What nginx finds on disk: its configuration and its Lua. */
import { chmod, chown, mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { UserError } from '../../server/errors.ts'
import { modules, nginxConfig, type Paths, type Place, type Settings } from './config.ts'

const program = '/usr/sbin/nginx'
const worker = 'www-data'
const ownLua = join(import.meta.dirname, 'lua')

export function commandOf(paths: Paths): string[] {
  return [program, '-c', paths.config, '-p', `${paths.folder}/`, '-g', 'daemon off;']
}

/**
 * Workers of a root master run as `www-data`, which cannot enter the data home. So bodies on their way lie in a folder
 * of our own where Debian's package keeps such things, and so does the access log, which each worker opens anew.
 */
export function pathsOf(folder: string, system: string): Paths {
  const root = userInfo().uid === 0
  const temporary = root ? `/var/lib/nginx/megapolos-${system}` : join(folder, 'temporary')
  const memory = root ? `/run/megapolos-${system}` : join(folder, 'run')
  return {
    folder,
    config: join(folder, 'nginx.conf'),
    pid: join(folder, 'nginx.pid'),
    errors: join(folder, 'error.log'),
    lua: join(folder, 'lua'),
    socket: join(folder, 'run/control.sock'),
    temporary,
    accessLog: join(temporary, 'log/access.log'),
    table: join(memory, 'nginx-table'),
    parts: join(memory, 'nginx-parts'),
  }
}

/** Safe to repeat; true when something is not as it was. */
export async function installFiles(paths: Paths, settings: Settings): Promise<boolean> {
  await checkProgram()
  await makePrivate(paths.folder)
  await makePrivate(dirname(paths.socket))
  await mkdir(paths.lua, { recursive: true })
  await mkdir(paths.temporary, { recursive: true, mode: 0o755 })
  await makeLogFolder(paths)
  // Copied, so that nginx can start again while another version of the program is being put in place.
  let changed = false
  for (const name of (await readdir(ownLua)).filter((name) => name.endsWith('.lua'))) {
    const text = await readFile(join(ownLua, name), 'utf8')
    changed = (await writeIfOther(join(paths.lua, name), text)) || changed
  }
  const place: Place = {
    paths,
    user: userInfo().uid === 0 ? worker : null,
    ipv6: (await readOrEmpty('/proc/net/if_inet6')) !== '',
  }
  return (await writeIfOther(paths.config, nginxConfig(settings, place))) || changed
}

async function checkProgram(): Promise<void> {
  for (const file of [program, ...modules]) {
    const there = await stat(file).catch(() => null)
    if (there === null) {
      throw new UserError(
        'unavailable',
        `The proxy needs nginx with its Lua module, and ${file} is not there.`,
        'apt-get install nginx libnginx-mod-http-lua lua-cjson',
      )
    }
  }
}

async function makePrivate(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
}

/** Who asks for what is for nobody else on the machine to read: workers may pass through, and only root may look around. */
async function makeLogFolder({ accessLog }: Paths): Promise<void> {
  const folder = dirname(accessLog)
  await mkdir(folder, { recursive: true, mode: 0o710 })
  await chmod(folder, 0o710)
  if (userInfo().uid === 0) await chown(folder, 0, await groupOf(worker))
}

async function groupOf(user: string): Promise<number> {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((line) => line.startsWith(`${user}:`))
  if (line === undefined)
    throw new UserError('unavailable', `The user ${user} of nginx does not exist.`, 'apt-get install nginx')
  return Number(line.split(':')[3])
}

async function writeIfOther(path: string, text: string): Promise<boolean> {
  if ((await readOrEmpty(path)) === text) return false
  await replaceFile(path, text)
  return true
}

/** A reader sees the old text or the new one, also after a crash in between. */
async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.new`
  const file = await open(beside, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
}

async function readOrEmpty(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
