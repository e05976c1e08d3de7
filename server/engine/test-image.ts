/** For tests only: an image with nothing but this machine's Node and busybox, and a system of its own, swept before and after. */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Docker from 'dockerode'

export const dockerSocket = '/var/run/docker.sock'
const run = promisify(execFile)

/** `megapolos-test/<system>`; `files` are put into its root, for everybody to read. */
export async function makeImage(system: string, files: readonly string[] = []): Promise<string> {
  const { stdout } = await run('ldd', [process.execPath])
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? '')
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-image-'))
  try {
    await run('mkdir', ['-p', join(folder, 'bin'), join(folder, 'tmp')])
    await run('cp', ['/bin/busybox', join(folder, 'bin/busybox')])
    for (const name of applets) await symlink('busybox', join(folder, 'bin', name))
    await run('cp', ['--parents', '-L', ...libraries, folder])
    await run('cp', [process.execPath, join(folder, 'bin/node')])
    for (const file of files) await run('cp', [file, folder])
    await run('chmod', ['-R', 'a+rX', folder])
    const tar = spawn('tar', ['-C', folder, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const loaded = spawn(
      'docker',
      ['import', '-c', 'ENV PATH=/bin', '-c', `LABEL megapolos.system=${system}`, '-', `megapolos-test/${system}`],
      { stdio: [tar.stdout, 'pipe', 'inherit'] },
    )
    let id = ''
    for await (const chunk of loaded.stdout) id += chunk
    return id.trim()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const applets = ['sh', 'cat', 'grep', 'id', 'nc', 'nslookup', 'sleep', 'stty', 'wget']

/** Removes every container, network and image with this system's label. */
export async function sweep(system: string): Promise<void> {
  const docker = new Docker({ socketPath: dockerSocket })
  const filters = { label: [`megapolos.system=${system}`] }
  const containers = await docker.listContainers({ all: true, filters })
  await Promise.all(
    containers.map(({ Id }) =>
      docker
        .getContainer(Id)
        .remove({ force: true })
        .catch(() => {}),
    ),
  )
  for (const { Id } of await docker.listNetworks({ filters })) await docker.getNetwork(Id).remove()
  await removeAll((await docker.listImages({ all: true, filters })).map(({ Id }) => docker.getImage(Id)))
}

/** Some are made of others, which cannot go before them. */
async function removeAll(images: readonly Docker.Image[]): Promise<void> {
  const outcomes = await Promise.allSettled(images.map((image) => image.remove({ force: true })))
  const stuck = images.filter((_, n) => outcomes[n]?.status === 'rejected')
  if (stuck.length === images.length && stuck.length > 0) throw (outcomes[0] as PromiseRejectedResult).reason
  if (stuck.length > 0) await removeAll(stuck)
}
