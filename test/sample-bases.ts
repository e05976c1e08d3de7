/** The images that the sample apps with a Dockerfile begin with: those that are there, else stand-ins made on this machine. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stackTag } from '../server/build/stack.ts'
import { quickly } from './quickly.ts'

const debian = 'debian:bookworm-slim'

/** `notes`: folder of this run, which also remembers what was made. */
export async function provideBases(notes: string): Promise<void> {
  if (!(await isThere('busybox'))) {
    await makeBusybox(notes)
    await note(notes, 'busybox')
  }
  // Where Docker Hub is out of reach the installation has made a Debian of its own.
  if (!(await isThere(debian)) && (await isThere(stackTag()))) {
    await quickly('docker', 'tag', stackTag(), debian)
    await note(notes, debian)
  }
}

export async function removeBases(notes: string): Promise<void> {
  for (const image of ['busybox', debian]) {
    if (existsSync(noteOf(notes, image))) await quickly('docker', 'image', 'rm', image)
  }
}

const isThere = async (image: string) => (await quickly('docker', 'image', 'inspect', image).catch(() => null)) !== null
const noteOf = (notes: string, image: string) => join(notes, `made-${image}`)
const note = (notes: string, image: string) => writeFile(noteOf(notes, image), '')

/** Of Debian's busybox-static. */
async function makeBusybox(notes: string): Promise<void> {
  if (!existsSync('/bin/busybox')) throw new Error('apps/dockerfile needs a base: apt-get install busybox-static')
  const root = join(notes, 'busybox')
  const tar = join(notes, 'busybox.tar')
  await mkdir(join(root, 'bin'), { recursive: true })
  await quickly('cp', '/bin/busybox', join(root, 'bin'))
  for (const applet of ['sh', 'httpd']) await quickly('ln', '-sf', 'busybox', join(root, 'bin', applet))
  await quickly('tar', '-C', root, '-cf', tar, '.')
  await quickly('docker', 'import', '--change', 'ENV PATH=/bin', tar, 'busybox')
}
