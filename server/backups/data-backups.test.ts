import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { inDirectory } from '../../drivers/volume/directory.ts'
import { blog, contentsOf, dumpOf, fixtureServer, type House, openHouse } from '../../test/backup-house.ts'
import type { ArchiveDriver } from '../devices/classes/archive.ts'
import type { DatabaseDriver, Dump } from '../devices/classes/database.ts'
import { type Backup, backupFile } from '../domain/backup.ts'
import { UserError } from '../errors.ts'
import { encrypt } from './age.ts'

const execute = promisify(execFile)
let house: House
beforeEach(async () => {
  house = await openHouse()
})
afterEach(() => house.stop())

const capture = () => house.backups.capture({ name: 'blog' }, undefined, house.asker)
const stateOf = async (id: string) => (await house.store.backups.find(id)) as Backup
const fileOf = (backup: Backup) => join(house.path, backupFile(backup))
/** Besides this, nothing may be left over of any failure. */
const onlyBlog = () => expect(house.server.scratches()).toEqual([])

describe('a backup', () => {
  test('is called good once it was read back, restored beside and compared', async () => {
    const backup = await capture()
    expect(backup).toMatchObject({ state: 'verified', subject: 'blog', archive: 'disk', createdBy: 'ann' })
    expect(backup.summary).toMatchObject({ items: 2, amount: 2002 })
    expect(await stateOf(backup.id)).toEqual(backup)
    expect(await house.files()).toEqual([backupFile(backup)])
    expect(house.lines).toEqual([
      '-----> Backing up database blog to disk',
      expect.stringMatching(/^ +[\d.]+ kB in [\d.]+ s, [\d.]+ .?B\/s$/),
      '-----> Reading it back from disk and restoring it beside',
      expect.stringMatching(/B\/s$/),
      '-----> Comparing',
      '       2 tables, 2,002 rows: all as they were',
    ])
    onlyBlog()
  })

  test('shows nothing of what is in it', async () => {
    const bytes = await readFile(fileOf(await capture()), 'latin1')
    expect(bytes).not.toContain('post 1')
    expect(bytes).not.toContain('posts_by_date')
  })

  test('of what is not there is refused', async () => {
    await expect(house.backups.capture({ name: 'shop' }, undefined, house.asker)).rejects.toThrow(
      'There is no database or volume shop.',
    )
  })
})

describe('what breaks while it is made is named, and nothing of it stays', () => {
  const halfDump = (contents: Promise<never>): Dump => {
    const bytes = async function* () {
      yield randomBytes(100_000)
      throw new Error('the server closed the connection')
    }
    contents.catch(() => {})
    return { bytes: Readable.from(bytes()), contents }
  }
  const failing: Readonly<Record<string, [() => void, RegExp]>> = {
    'the dump breaks off': [
      () => (house.server.faults = { dump: async () => halfDump(new Promise(() => {})) }),
      /^The dump of blog broke off: the server closed the connection\.$/,
    ],
    'the dump looks whole and is not': [
      () => {
        const contents = Promise.reject(new UserError('unavailable', 'pg_dump was killed.'))
        contents.catch(() => {})
        house.server.faults = { dump: async () => ({ bytes: dumpOf(blog).bytes, contents }) }
      },
      /^The dump of blog broke off: pg_dump was killed\.$/,
    ],
    'the server does not answer': [
      () => {
        house.server.faults = {
          dump: async () => {
            throw new UserError('unavailable', 'The server does not answer.')
          },
        }
      },
      /^The dump of blog broke off: The server does not answer\.$/,
    ],
    'the archive breaks off': [
      () => {
        const { driver } = house.place
        house.place.driver = {
          ...driver,
          put: async (_, bytes) => {
            for await (const _ of bytes) throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
            return { bytes: 0 }
          },
        }
      },
      /^The archive disk broke off: write EPIPE\.$/,
    ],
  }

  test.each(Object.keys(failing))('%s', async (name) => {
    const old = await capture()
    const [begin, sentence] = failing[name] ?? []
    begin?.()
    const error = await capture().catch((error) => error)
    expect(error.message).toMatch(sentence as RegExp)
    const [failed] = await house.store.backups.list()
    expect(failed).toMatchObject({ state: 'failed', problem: error.message, bytes: 0 })
    expect(await house.files()).toEqual([backupFile(old)])
    onlyBlog()
  })

  test('a full disk', async () => {
    const small = await mkdtemp(join(tmpdir(), 'megapolos-small-'))
    await execute('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small])
    try {
      house.place.driver = inDirectory(small)
      const noise = Array.from({ length: 200 }, () => randomBytes(1000).toString('base64'))
      house.server.databases.set('blog_1', { ...blog, tables: { noise } })
      await expect(capture()).rejects.toThrow(`The archive disk broke off: The disk of ${small} is full.`)
      expect((await readdir(small, { recursive: true })).filter((name) => name.includes('.'))).toEqual([])
    } finally {
      await execute('umount', [small])
      await rm(small, { recursive: true })
    }
  })

  test('whoever cancels it waits for nothing', async () => {
    const [cancel, bytes] = [new AbortController(), new PassThrough()]
    bytes.write('the begin of a dump')
    house.server.faults = { dump: async () => ({ bytes, contents: new Promise(() => {}) }) }
    const asker = { ...house.asker, signal: cancel.signal }
    const capturing = house.backups.capture({ name: 'blog' }, undefined, asker)
    await expect.poll(house.files).toHaveLength(1)
    cancel.abort()
    await expect(capturing).rejects.toMatchObject({ code: 'cancelled' })
    expect(await house.files()).toEqual([])
    onlyBlog()
  })

  test('an archive that breaks while the dump has nothing to say', async () => {
    const bytes = new PassThrough()
    bytes.write('the begin of a dump')
    house.server.faults = { dump: async () => ({ bytes, contents: new Promise(() => {}) }) }
    const put: ArchiveDriver['put'] = async (_, source) => {
      await once(source, 'readable')
      source.destroy()
      throw new UserError('unavailable', 'The machine is gone.')
    }
    house.place.driver = { ...house.place.driver, put }
    await expect(capture()).rejects.toThrow('The archive disk broke off: The machine is gone.')
  })
})

describe('a backup that is not what it should be is found out', () => {
  /** What becomes of the file. */
  const files: Readonly<Record<string, [(file: string) => Promise<unknown>, RegExp]>> = {
    'one byte cut': [
      async (file) => truncate(file, (await readFile(file)).length - 1),
      /damaged, or a part of it is missing/,
    ],
    'one bit changed': [
      async (file) => {
        const bytes = await readFile(file)
        bytes[1000] = (bytes[1000] ?? 0) ^ 1
        await writeFile(file, bytes)
      },
      /damaged, or a part of it is missing/,
    ],
    'the file gone': [(file) => rm(file), /is not in .* any more/],
    'another file with its name': [(file) => writeFile(file, 'hello'), /not a backup/],
    'one of another key': [
      async (file) => writeFile(file, await Array.fromAsync(encrypt(Readable.from([Buffer.from('x')]), 'other'))),
      /does not open with this key/,
    ],
  }
  test.each(Object.keys(files))('%s', async (name) => {
    const backup = await capture()
    const [change, sentence] = files[name] ?? []
    await change?.(fileOf(backup))
    const error = await house.backups.verify(backup.id, house.asker).catch((error) => error)
    expect(error).toMatchObject({ code: 'refused', message: expect.stringMatching(sentence as RegExp) })
    expect(await stateOf(backup.id)).toMatchObject({ state: 'bad', problem: error.message, verifiedAt: null })
    onlyBlog()
  })

  test('an older backup in its place', async () => {
    const [old, backup] = [await capture(), await capture()]
    await copyFile(fileOf(old), fileOf(backup))
    await expect(house.backups.verify(backup.id, house.asker)).rejects.toThrow('is another backup')
    expect(await stateOf(backup.id)).toMatchObject({ state: 'bad' })
  })

  /** What the restoring server makes of it. */
  const restored: Readonly<Record<string, [typeof blog, RegExp]>> = {
    'a changed value': [
      { ...blog, tables: { ...blog.tables, users: ['ann', 'eve'] } },
      /The table users has other content, in as many rows\.$/,
    ],
    'a missing row': [{ ...blog, tables: { ...blog.tables, users: ['ann'] } }, /users has 1 rows instead of 2\.$/],
    'a missing table': [{ ...blog, tables: { users: ['ann', 'bob'] } }, /The table posts is missing\.$/],
    'a table too many': [{ ...blog, tables: { ...blog.tables, more: [] } }, /There is one table more: more\.$/],
    'a missing index': [
      { ...blog, definitions: blog.definitions.slice(1) },
      /It lost a definition: CREATE INDEX posts_by_date ON posts \(date\)$/,
    ],
  }
  test.each(Object.keys(restored))('%s', async (name) => {
    const [other, sentence] = restored[name] ?? [blog]
    const restore: DatabaseDriver['restore'] = async (handle, bytes) => {
      for await (const _ of bytes);
      house.server.databases.set(handle, other)
    }
    house.server.faults = { restore }
    const error = await capture().catch((error) => error)
    expect(error).toMatchObject({ code: 'refused', message: expect.stringMatching(sentence as RegExp) })
    expect((await house.store.backups.list())[0]).toMatchObject({ state: 'bad', problem: error.message })
    onlyBlog()
  })

  test('a server that cannot restore it has proven nothing', async () => {
    const restore: DatabaseDriver['restore'] = async () => {
      throw new UserError('unavailable', 'The server does not answer.')
    }
    house.server.faults = { restore }
    await expect(capture()).rejects.toThrow('The server does not answer.')
    const [stored] = await house.store.backups.list()
    expect(stored).toMatchObject({ state: 'stored', problem: null })
    house.server.faults = {}
    expect(await house.backups.verify(stored?.id ?? '', house.asker)).toMatchObject({ state: 'verified' })
    onlyBlog()
  })

  test('an archive that does not let us in has proven nothing either', async () => {
    const backup = await capture()
    const get: ArchiveDriver['get'] = async () => {
      throw new UserError('refused', 'nas has another host key than when it was adopted.')
    }
    house.place.driver = { ...house.place.driver, get }
    await expect(house.backups.verify(backup.id, house.asker)).rejects.toThrow('another host key')
    expect(await stateOf(backup.id)).toEqual(backup)
  })

  test('a server that stops listening early does not hold it up', async () => {
    house.server.faults = { restore: async () => {} }
    await expect(capture()).rejects.toThrow(/The table posts is missing\./)
  })
})

describe('restoring', () => {
  const now = (name: string) => contentsOf(house.server.databases.get(house.server.named.get(name) ?? '') ?? blog)

  test('switches to what was backed up, and keeps what was there', async () => {
    const backup = await capture()
    house.server.databases.set('blog_1', { tables: {}, definitions: [] })
    expect(await house.backups.restore(backup.id, null, house.asker)).toMatchObject({ kept: 'blog-before' })
    expect(now('blog')).toEqual(contentsOf(blog))
    expect(now('blog-before').tables).toEqual([])
    onlyBlog()
  })

  test('makes a new one where asked, and touches none that is there', async () => {
    const backup = await capture()
    await expect(house.backups.restore(backup.id, 'blog', house.asker)).rejects.toThrow(
      'There is already a database blog',
    )
    await house.backups.restore(backup.id, 'blog2', house.asker)
    expect(now('blog2')).toEqual(contentsOf(blog))
    expect(house.server.named.get('blog')).toBe('blog_1')
  })

  test('of a name takes the newest good one', async () => {
    const [good, bad] = [await capture(), await capture()]
    await truncate(fileOf(bad), 2000)
    await house.backups.verify(bad.id, house.asker).catch(() => {})
    expect(await house.archives.find('blog')).toMatchObject({ id: good.id })
    await expect(house.archives.find('shop')).rejects.toThrow('There is no backup shop.')
  })

  test('never switches to a bad one', async () => {
    const backup = await capture()
    await truncate(fileOf(backup), 2000)
    await expect(house.backups.restore(backup.id, null, house.asker)).rejects.toMatchObject({ code: 'refused' })
    expect(house.server.named.get('blog')).toBe('blog_1')
    onlyBlog()
  })

  test('that comes to nothing because of the apps leaves a good backup good', async () => {
    const backup = await capture()
    house.server.access.replace = async () => {
      throw new UserError('refused', 'blog does not start with it.')
    }
    await expect(house.backups.restore(backup.id, null, house.asker)).rejects.toThrow('blog does not start with it.')
    expect(await stateOf(backup.id)).toMatchObject({ state: 'verified' })
    onlyBlog()
  })

  test('works on an empty installation with the archive and the key alone', async () => {
    const backup = await capture()
    const fresh = await openHouse(fixtureServer(), house.path)
    fresh.server.named.delete('blog')
    fresh.server.databases.clear()
    expect((await fresh.archives.look()).backups).toMatchObject([{ id: backup.id, subject: 'blog', state: 'stored' }])
    await expect(fresh.backups.restore(backup.id, null, fresh.asker)).rejects.toThrow('does not open with this key')
    await fresh.store.backups.addKey(house.key.toString('base64'))
    expect(await fresh.backups.restore(backup.id, null, fresh.asker)).toMatchObject({ name: 'blog', kept: null })
    expect(contentsOf(fresh.server.databases.get(fresh.server.named.get('blog') ?? '') ?? blog)).toEqual(
      contentsOf(blog),
    )
    await fresh.stop()
  })

  test('says which server is missing', async () => {
    const backup = await capture()
    house.server.access.devicesOf = async () => []
    await expect(house.backups.verify(backup.id, house.asker)).rejects.toThrow('no fixture is installed')
    expect(await stateOf(backup.id)).toMatchObject({ state: 'verified' })
  })
})

describe('after a kernel that died', () => {
  const left = async (state: 'capturing' | 'deleting') => {
    const backup = await capture()
    const one: Backup = { ...backup, id: '0000dead', state, bytes: state === 'capturing' ? null : 5 }
    await house.store.backups.add(one)
    await writeFile(join(fileOf(one)), 'whole')
    await writeFile(join(house.path, 'databases/blog', `.${backupFile(one).split('/').at(-1)}.part`), 'half')
    return { backup, one }
  }

  test('what it was writing is gone, and said to be', async () => {
    const { backup, one } = await left('capturing')
    await house.again().tidy()
    expect(await stateOf(one.id)).toMatchObject({
      state: 'failed',
      bytes: 0,
      problem: expect.stringMatching(/^Interrupted/),
    })
    expect(await house.files()).toEqual([backupFile(backup)])
  })

  test('what it was deleting is gone', async () => {
    const { backup, one } = await left('deleting')
    await house.again().tidy()
    expect(await house.store.backups.find(one.id)).toBeNull()
    expect(await house.files()).toEqual([backupFile(backup)])
  })

  test('an archive that is away is tidied when it is back', async () => {
    const { one } = await left('capturing')
    const { driver } = house.place
    house.place.driver = inDirectory('/nonexistent')
    const again = house.again()
    await again.tidy()
    expect(await stateOf(one.id)).toMatchObject({ state: 'failed', bytes: null })
    house.place.driver = driver
    await again.tidy()
    expect(await stateOf(one.id)).toMatchObject({ state: 'failed', bytes: 0 })
    expect(await house.files()).toHaveLength(1)
  })
})

test('what is kept longest is what proved itself', async () => {
  const [first, second] = [await capture(), await capture()]
  await truncate(fileOf(second), 2000)
  await house.backups.verify(second.id, house.asker).catch(() => {})
  expect(await house.backups.retain('database', 'blog', 1)).toEqual([])
  const third = await capture()
  expect((await house.backups.retain('database', 'blog', 1)).sort()).toEqual([first.id, second.id].sort())
  expect(await house.files()).toEqual([backupFile(third)])
})

test('a list says what is in no archive any more', async () => {
  const backup = await capture()
  expect((await house.archives.look()).backups).toMatchObject([{ id: backup.id, missing: false }])
  await rm(fileOf(backup))
  await mkdir(join(house.path, 'databases/shop'))
  await writeFile(join(house.path, 'databases/shop/notes.txt'), 'not ours')
  expect((await house.archives.look()).backups).toMatchObject([{ id: backup.id, missing: true }])
})
