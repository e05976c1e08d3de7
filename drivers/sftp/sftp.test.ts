import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { archiveConforms } from '../conformance/archive.ts'
import { hostFor, type TestHost } from '../conformance/archive-host.ts'
import { createDriver } from './index.ts'
import { askedKey, startSshd, type TestSshd } from './sshd-for-test.ts'

const execute = promisify(execFile)
const never = new AbortController().signal
const { username: user } = userInfo()

async function adopted(sshd: TestSshd, path: string): Promise<TestHost> {
  const host = await hostFor(join(sshd.folder, `device-${randomBytes(3).toString('hex')}`), {
    ...{ host: '127.0.0.1', port: sshd.port, user, path },
  })
  await sshd.admit(
    askedKey(
      await createDriver(host)
        .check()
        .catch((error) => error),
    ),
  )
  await createDriver(host).check()
  return host
}

archiveConforms('sftp', async () => {
  const sshd = await startSshd()
  const folder = join(sshd.folder, 'kept/here')
  return {
    driver: createDriver(await adopted(sshd, folder)),
    files: () => readdir(folder, { recursive: true }),
    remove: () => sshd.remove(),
  }
})

describe('an archive on another machine', () => {
  let sshd: TestSshd
  let folder: string
  beforeAll(async () => {
    sshd = await startSshd()
    folder = join(sshd.folder, 'kept')
  })
  afterAll(() => sshd.remove())

  test('it makes a key of its own, and says what to install where', async () => {
    const host = await hostFor(join(sshd.folder, 'new'), { host: '127.0.0.1', port: sshd.port, user, path: folder })
    await sshd.admit(null)
    const refused = await createDriver(host)
      .check()
      .catch((error) => error)
    expect(refused).toMatchObject({
      code: 'refused',
      message: `127.0.0.1 does not let ${user} in with the key of this archive.`,
    })
    // Asked again it is the same key.
    expect(
      askedKey(
        await createDriver(host)
          .check()
          .catch((error) => error),
      ),
    ).toBe(askedKey(refused))
    await sshd.admit(askedKey(refused))
    await createDriver(host).check()
  })

  test('its private key is in no list of processes, and on no disk when nobody is connected', async () => {
    const host = await adopted(sshd, folder)
    const key = JSON.parse(host.kept.get('key') ?? '{}').private.split('\n')[2]
    expect(key.length).toBeGreaterThan(40)
    expect(host.started.join('\n')).not.toContain(key)
    expect(await readdir(host.folder)).toEqual([])
  })

  test('a machine with another host key gets nothing', async () => {
    const driver = createDriver(await adopted(sshd, folder))
    await sshd.changeHostKey()
    const put = driver.put('a/b', Readable.from([Buffer.from('x')]), never)
    await expect(put).rejects.toThrow('127.0.0.1 has another host key than when it was adopted.')
  })

  test('a place that was never adopted is not trusted by the first backup', async () => {
    const host = await hostFor(join(sshd.folder, 'never'), { host: '127.0.0.1', port: sshd.port, user, path: folder })
    await expect(createDriver(host).list('')).rejects.toThrow('The host key of 127.0.0.1 is not known yet.')
  })

  test('a full disk is named, and what was there stays', async () => {
    const small = join(sshd.folder, 'small')
    await mkdir(small)
    await execute('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small])
    try {
      const driver = createDriver(await adopted(sshd, small))
      await driver.put('old', Readable.from([randomBytes(100_000)]), never)
      const large = Readable.from(Array.from({ length: 20 }, () => randomBytes(100_000)))
      await expect(driver.put('new', large, never)).rejects.toThrow('The disk of 127.0.0.1 is full.')
      expect(await readdir(small)).toEqual(['old'])
    } finally {
      // What serves the other end may still be about to go.
      await execute('umount', ['--lazy', small])
    }
  })

  test('a folder that may not be written is named', async () => {
    const host = await adopted(sshd, folder)
    const driver = createDriver({ ...host, settings: { ...host.settings, path: '/proc/nowhere' } })
    await expect(driver.put('a', Readable.from([Buffer.from('x')]), never)).rejects.toMatchObject({
      code: 'unavailable',
    })
  })

  test('a server that dies in the middle is named, in both directions', async () => {
    const driver = createDriver(await adopted(sshd, folder))
    await driver.put('large', Readable.from(Array.from({ length: 80 }, () => randomBytes(100_000))), never)
    const reading = (await driver.get('large', never))[Symbol.asyncIterator]()
    await reading.next()
    const source = new PassThrough()
    const put = driver.put('half', source, never)
    put.catch(() => {})
    source.write(randomBytes(200_000))
    await once(source, 'drain')
    await sshd.kill()
    await expect(put).rejects.toThrow(/127\.0\.0\.1 \(port \d+\) does not answer as it should/)
    const rest = async () => {
      while (!(await reading.next()).done);
    }
    await expect(rest()).rejects.toThrow(/does not answer as it should/)
    await expect(driver.list('')).rejects.toThrow(/Connection refused/)
    expect(await readdir(folder)).not.toContain('half')
    await rm(folder, { recursive: true })
  })
})
