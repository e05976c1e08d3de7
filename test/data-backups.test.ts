/** What backups of databases promise that cannot be typed: during heavy writes, to another machine, and when the kernel dies. */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSshd, type TestSshd } from '../drivers/sftp/sshd-for-test.ts'
import { type About, seal, unseal } from '../server/backups/sealed.ts'
import type { Contents } from '../server/devices/classes/database.ts'
import { backupFile } from '../server/domain/backup.ts'
import { inSystem } from './in-system.ts'
import { startLoad } from './load.ts'
import { example, push } from './repository.ts'
import { filesWith } from './traces.ts'

interface Opened {
  readonly about: About
  readonly contents: Contents
  readonly data: Buffer
}

interface Row {
  readonly id: string
  readonly state: string
  readonly subject: string
  readonly archive: string
  readonly content: string
}

describe('backups of databases', { timeout: 240_000 }, () => {
  let sshd: TestSshd
  let disk: string
  const at = inSystem(async ({ person }) => {
    await person.must('ssh', 'megapolos', 'devices:install', 'postgres')
    await example(person, 'notes', 'blog')
    await push(person)
    await person.must('ssh', 'megapolos', 'db:attach', 'blog', '--create', 'postgres')
    disk = join(person.folder, 'disk')
    await mkdir(disk)
    await person.must('ssh', 'megapolos', 'devices:adopt', 'volume', '--name', 'disk', `path=${disk}`)
  })
  beforeAll(async () => {
    sshd = await startSshd()
  })
  afterAll(() => sshd.remove())

  const megapolos = (...words: string[]) => at.person.must('ssh', 'megapolos', ...words)
  const json = async (...words: string[]) => JSON.parse(await megapolos(...words, '--format', 'json'))
  const rows = async (): Promise<Row[]> => (await json('backups:list')).backups
  const files = async () => (await readdir(disk, { recursive: true })).filter((name) => /\.(age|part)$/.test(name))
  const sql = async (statement: string) => {
    await writeFile(join(at.person.folder, 'statement.sql'), `${statement};\n`)
    const from = { from: join(at.person.folder, 'statement.sql') }
    return (await at.person.run(['ssh', 'megapolos', 'db:connect', 'blog-postgres'], from)).output
  }
  /** Databases on the server, the scratch ones too. */
  const databases = async () => (await sql('SELECT count(*) FROM pg_database')).match(/^\s*(\d+)\s*$/m)?.[1]

  test('one that is made during heavy writes is what the database was at one moment', async () => {
    const load = startLoad({ port: at.system.httpPort, host: 'blog.localhost', posts: true, connections: 10 })
    const made: Row[] = []
    for (let round = 0; round < 3; round++) made.push(await json('backups:capture', 'blog-postgres', '--to', 'disk'))
    const { requests, failures } = await load.stop()
    expect(failures).toEqual([])
    expect(requests).toBeGreaterThan(500)
    expect(made.map(({ state }) => state)).toEqual(['verified', 'verified', 'verified'])
    const counts = made.map(({ content }) => Number(/, ([\d,]+) rows?$/.exec(content)?.[1]?.replaceAll(',', '')))
    expect(counts).toEqual([...counts].sort((a, b) => a - b))
    expect(new Set(counts).size).toBe(3)
  })

  test('another machine takes one by SFTP, and gives it back', async () => {
    const { username } = userInfo()
    const place = [`host=127.0.0.1`, `port=${sshd.port}`, `user=${username}`, `path=${join(sshd.folder, 'kept')}`]
    const adopt = ['ssh', 'megapolos', 'devices:adopt', 'sftp', '--name', 'nas', ...place]
    const { output } = await at.person.run(adopt)
    expect(output).toContain(`127.0.0.1 does not let ${username} in with the key of this archive.`)
    await sshd.admit(/ssh-ed25519 \S+ megapolos/.exec(output)?.[0] ?? '')
    await at.person.must(...adopt)
    expect(await megapolos('backups:capture', 'blog-postgres', '--to', 'nas')).toContain('restored and compared')
    const [row] = await rows()
    expect(row).toMatchObject({ archive: 'nas', state: 'verified' })
    const before = await at.get('blog.localhost')
    await sql('TRUNCATE notes')
    expect(await at.get('blog.localhost')).toBe('0 notes\n')
    await megapolos('backups:restore', row?.id ?? '')
    expect(await at.get('blog.localhost')).toBe(before)
    const keys = await filesWith(at.system.home, ['BEGIN OPENSSH PRIVATE'])
    expect(keys.filter((file) => !file.includes('/sshd/host_'))).toEqual([])
  })

  test('one byte cut from the file is found', async () => {
    const { id } = await json('backups:capture', 'blog-postgres', '--to', 'disk')
    const path = await pathOf(id)
    await writeFile(path, (await readFile(path)).subarray(0, -1))
    const { exit, output } = await at.person.run(['ssh', 'megapolos', 'backups:verify', id])
    expect([exit, output]).toEqual([1, expect.stringContaining('damaged, or a part of it is missing')])
    expect(await megapolos('backups:list')).toMatch(new RegExp(`${id} .*NOT GOOD: The backup is damaged`))
    expect((await at.person.run(['ssh', 'megapolos', 'backups:restore', id])).exit).toBe(1)
  })

  test('one changed value and one lost index are found, even by a file that opens and is whole', async () => {
    await sql('CREATE INDEX notes_by_text ON notes (text)')
    const made: string[] = [(await json('backups:capture', 'blog-postgres', '--to', 'disk')).id]
    for (const change of ["UPDATE notes SET text = 'other' WHERE id = 1", 'DROP INDEX notes_by_text']) {
      await sql(change)
      made.push((await json('backups:capture', 'blog-postgres', '--to', 'disk')).id)
    }
    const [before, changed, lost] = await Promise.all(made.map(async (id) => opened(await pathOf(id))))
    await forge('0000000a', changed, before)
    await forge('0000000b', lost, changed)
    const verified = async (id: string) => (await at.person.run(['ssh', 'megapolos', 'backups:verify', id])).output
    expect(await verified('0000000a')).toMatch(/The table \S*notes has other content, in as many rows\./)
    expect(await verified('0000000b')).toMatch(/It lost a definition: .*notes_by_text/)
  })

  async function pathOf(id: string): Promise<string> {
    return join(disk, (await files()).find((name) => name.includes(id)) ?? '')
  }

  const key = async () => (await readFile(join(at.system.home, 'keys/secret.key'))).toString('base64')

  async function opened(path: string) {
    let data = Buffer.alloc(0)
    const { about, contents } = await unseal(createReadStream(path), [await key()], async (dump) => {
      data = await buffer(dump)
    })
    return { about, contents, data }
  }

  /** A backup that says it holds what the other one held. */
  async function forge(id: string, one: Opened | undefined, other: Opened | undefined): Promise<void> {
    if (!one || !other) throw new Error('nothing was opened')
    const dump = { bytes: Readable.from([one.data]), contents: Promise.resolve(other.contents) }
    const file = join(disk, backupFile({ kind: 'database', subject: 'blog-postgres', createdAt: one.about.at, id }))
    await pipeline(seal({ ...one.about, id }, dump, await key()), createWriteStream(file))
  }

  test('a kernel that is killed at any step of it leaves nothing, and the same words succeed', async () => {
    await sql("INSERT INTO notes (text) SELECT repeat('x', 500) FROM generate_series(1, 60000)")
    const [before, there] = [await databases(), await files()]
    const [capture, restore] = [
      ['backups:capture', 'blog-postgres', '--to', 'disk'],
      ['backups:restore', 'blog-postgres'],
    ]
    const steps = [
      ...['Backing up', 'Reading it back', 'Comparing'].map((mark) => [capture, mark] as const),
      ...['Reading it back', 'Comparing'].map((mark) => [restore, mark] as const),
    ]
    for (const [words, mark] of steps) {
      const kernel = await at.system.pid('kernel')
      const running = at.person.start(['ssh', 'megapolos', ...words])
      await expect.poll(running.said, { timeout: 60_000, interval: 20 }).toContain(mark)
      process.kill(kernel, 'SIGKILL')
      await running.ended
      await expect.poll(databases, { timeout: 60_000, interval: 500, message: `${words[0]}: ${mark}` }).toBe(before)
      await expect.poll(async () => (await files()).filter((name) => name.endsWith('.part'))).toEqual([])
      expect(await at.get('blog.localhost')).toMatch(/^\d+ notes\n$/)
    }
    const states = (await rows()).map(({ state }) => state)
    expect(states).not.toContain('capturing')
    expect((await json('backups:capture', 'blog-postgres', '--to', 'disk')).state).toBe('verified')
    expect((await files()).length).toBeGreaterThan(there.length)
    const notes = await at.get('blog.localhost')
    await sql('TRUNCATE notes')
    await megapolos('backups:restore', 'blog-postgres')
    expect(await at.get('blog.localhost')).toBe(notes)
  })
})
