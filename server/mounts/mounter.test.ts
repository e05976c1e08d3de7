/** Real mounts, as root, seen by a process that has the folder as a container has it: in a mount namespace of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { createMounter } from './mounter.ts'
import { sharedMount } from './mounts-for-test.ts'

const shared = await sharedMount()
const volumes = await mkdtemp(join(tmpdir(), 'mp-volumes-'))
const folder = join(shared.folder, 'group')
const source = join(volumes, 'uploads')
const mounter = createMounter()
const readWrite = { name: 'uploads', source, readOnly: false }
let inside: Awaited<ReturnType<typeof container>>

beforeEach(async () => {
  await mkdir(folder)
  await mkdir(source, { recursive: true })
  await writeFile(join(source, 'hello'), 'hello\n')
  inside = await container()
})
afterEach(async () => {
  await inside.end()
  await mounter.clear(folder)
  await rm(folder, { recursive: true })
  await rm(source, { recursive: true })
})
afterAll(async () => {
  mounter.close()
  await shared.close()
  await rm(volumes, { recursive: true })
})

test('a volume appears in a process that runs already, and goes again', async () => {
  await mounter.attach(folder, readWrite)
  expect(await inside.sh(`cat ${folder}/uploads/hello`)).toBe('hello')
  expect(await inside.sh(`echo written > ${folder}/uploads/new && echo done`)).toBe('done')
  expect(await readFile(join(source, 'new'), 'utf8')).toBe('written\n')
  expect(await mounter.mounted(folder)).toEqual(['uploads'])
  await mounter.detach(folder, 'uploads', false)
  expect(await inside.sh(`ls ${folder} | wc -l`)).toBe('0')
  expect(await mounter.mounted(folder)).toEqual([])
})

test('a read-only volume is read-only in the process too, from the first moment on', async () => {
  await mounter.attach(folder, { ...readWrite, readOnly: true })
  for (const command of ['touch uploads/new', 'rm uploads/hello', 'chmod 777 uploads/hello', 'mkdir uploads/x'])
    expect(await inside.sh(`cd ${folder}; ${command} 2>&1`)).toMatch(/Read-only file system/)
  expect(await inside.sh(`grep ' ${folder}/uploads ' /proc/self/mountinfo | cut -d ' ' -f 6`)).toBe(
    'ro,nosuid,nodev,relatime',
  )
})

test('what is mounted in the source later is not seen', async () => {
  await mounter.attach(folder, readWrite)
  await mkdir(join(source, 'disk'))
  await shared.mount('-t', 'tmpfs', 'none', join(source, 'disk'))
  await writeFile(join(source, 'disk/secret'), '')
  expect(await inside.sh(`ls ${folder}/uploads/disk | wc -l`)).toBe('0')
  await shared.unmount(join(source, 'disk'))
})

test('to attach or detach again is no error; with another right or another source it is, and the first one stays', async () => {
  await mounter.attach(folder, readWrite)
  await mounter.attach(folder, readWrite)
  const other = { ...readWrite, source: volumes }
  for (const wanted of [other, { ...readWrite, readOnly: true }])
    await expect(mounter.attach(folder, wanted)).rejects.toMatchObject({ code: 'conflict' })
  expect(await inside.sh(`cat ${folder}/uploads/hello`)).toBe('hello')
  await mounter.detach(folder, 'uploads', false)
  await mounter.detach(folder, 'uploads', false)
  await mounter.clear(join(shared.folder, 'gone'))
  expect(existsSync(join(folder, 'uploads'))).toBe(false)
})

test('while a process has a file of it open it stays, unless it is detached lazily: then what is open goes on', async () => {
  await mounter.attach(folder, readWrite)
  await inside.sh(`exec 3>>${folder}/uploads/log; echo one >&3; echo open`)
  await expect(mounter.detach(folder, 'uploads', false)).rejects.toMatchObject({
    code: 'conflict',
    message: 'uploads is in use: a process has a file of it open, or works in it.',
  })
  expect(await inside.sh(`cat ${folder}/uploads/log`)).toBe('one')
  await mounter.detach(folder, 'uploads', true)
  expect(await inside.sh(`ls ${folder} | wc -l; echo two >&3`)).toBe('0')
  expect(await readFile(join(source, 'log'), 'utf8')).toBe('one\ntwo\n')
})

test('no name leads anywhere else, and nothing is left of one that was refused', async () => {
  const names = ['kernel.sock', '..', '.', '', 'a/b', '/etc', '-a', 'ü', 'x'.repeat(300), 'a\tb', 'a\nattach', 'a\0b']
  for (const name of names) {
    await expect(mounter.attach(folder, { ...readWrite, name }), name).rejects.toThrow('mounting: ')
    await expect(mounter.detach(folder, name, true), name).rejects.toThrow('mounting: ')
  }
  expect(await inside.sh(`ls -A ${folder} | wc -l`)).toBe('0')
})

test('no path goes through a link: not the source, not the folder, not the name', async () => {
  await symlink('/etc', join(source, 'link'))
  await symlink(source, join(volumes, 'way'))
  for (const path of [join(source, 'link'), join(volumes, 'way'), join(volumes, 'way/x')])
    await expect(mounter.attach(folder, { ...readWrite, source: path })).rejects.toMatchObject({ code: 'unavailable' })
  await symlink(volumes, join(folder, 'uploads'))
  await expect(mounter.attach(folder, readWrite)).rejects.toThrow('mounting: ')
  await symlink(folder, join(shared.folder, 'way'))
  await expect(mounter.attach(join(shared.folder, 'way'), { ...readWrite, name: 'x' })).rejects.toThrow('mounting: ')
  await rm(join(shared.folder, 'way'))
  await rm(join(volumes, 'way'))
})

test('a source that is not there, or is a file, is told', async () => {
  for (const path of [join(volumes, 'missing'), join(source, 'hello')])
    await expect(mounter.attach(folder, { ...readWrite, source: path })).rejects.toThrow(
      `${path} is not a directory of this server any more.`,
    )
  expect(existsSync(join(folder, 'uploads'))).toBe(false)
})

test('orders that come together are answered each, also when the mounter is killed between them', async () => {
  const names = Array.from({ length: 50 }, (_, n) => `v${n}`)
  await Promise.all(names.map((name) => mounter.attach(folder, { ...readWrite, name })))
  expect(await mounter.mounted(folder)).toHaveLength(50)
  const children = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8')
  const worker = children.split(' ').map(Number).find(isMounter) as number
  process.kill(worker, 'SIGSTOP')
  const waiting = names.map((name) => mounter.detach(folder, name, false))
  process.kill(worker, 'SIGKILL')
  await Promise.all(waiting)
  expect(await inside.sh(`ls -A ${folder} | wc -l`)).toBe('0')
})

function isMounter(pid: number): boolean {
  return pid > 0 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('mounter.pl')
}

/** A shell that sees the host's mounts as a container sees its folder: they come in, and none goes out. */
async function container() {
  const shell: ChildProcess = spawn('unshare', ['--mount', '--propagation', 'slave', 'sh'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: shell.stdout as NodeJS.ReadableStream })
  const sh = async (script: string) => {
    const said: string[] = []
    const done = new Promise<void>((resolve) => {
      const hear = (line: string) => {
        if (line !== 'that was all') return void said.push(line)
        lines.off('line', hear)
        resolve()
      }
      lines.on('line', hear)
    })
    shell.stdin?.write(`{ ${script}\n}\necho that was all\n`)
    await done
    return said.join('\n')
  }
  await sh(':')
  const end = async () => {
    const ended = once(shell, 'exit')
    shell.stdin?.end()
    await ended
  }
  return { sh, end }
}
