/** A whole backup, taken from one store and given back to the other. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf, readFolder } from '../devices/driver-folder.ts'
import { UserError } from '../errors.ts'
import { createBundles } from '../push/bundles.ts'
import { createRepositories } from '../push/repositories.ts'
import { openStore, restoreState } from '../state/open.ts'
import { quiet, startStore, type TestStore } from '../state/stores-for-test.ts'
import { encrypt } from './age.ts'
import { archive } from './archive.ts'
import { type Backups, createBackups } from './backups.ts'
import { loadDrivers, openBackup } from './restore.ts'

const planted = 'planted-5ecret-value'
const account = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
const calm = { emit: () => {}, signal: new AbortController().signal }
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { encoding: 'utf8' }).trim()

describe.each([
  ['sqlite', 'rqlite'],
  ['rqlite', 'sqlite'],
] as const)('from %s to %s', (from, to) => {
  let old: TestStore
  let fresh: TestStore
  let backups: Backups
  let key: string
  let file: string
  let app: string

  const folder = (name: string) => join(fresh.folder, name)

  beforeAll(async () => {
    old = await startStore(from)
    fresh = await startStore(to)
    const { folder: home, store, config } = old
    for (const name of ['spool', 'backups', 'repositories', 'sshd']) mkdirSync(join(home, name), { recursive: true })
    const driver = join(config.paths.drivers, 'tides')
    mkdirSync(join(driver, 'lib'), { recursive: true })
    writeFileSync(join(driver, 'driver.json'), '{}')
    writeFileSync(join(driver, 'lib/run'), planted, { mode: 0o755 })
    writeFileSync(join(home, 'sshd/host_ed25519'), `host key ${planted}`)
    writeFileSync(join(home, 'sshd/sshd_config'), 'Port 22\n')
    writeFileSync(
      join(home, 'settings.env'),
      'MEGAPOLOS_HOME=/old\nMEGAPOLOS_HTTP_PORT=8080\nMEGAPOLOS_SSH_PORT=22\nMEGAPOLOS_SSHD=machine\nHTTP_PROXY=http://old\n',
    )
    app = (await store.apps.create('blog', 'ann')).id
    await store.config.set(app, { SECRET: planted })
    const commit = await push(home, app)
    const release = {
      app,
      commit,
      tree: 't',
      build: null,
      processes: {},
      hardened: true,
      attachments: [],
      links: [],
      checks: { path: null, timeout: 60 },
    }
    await store.releases.create({ ...release, config: { SECRET: planted }, description: 'Push', createdBy: 'ann' })
    await store.apps.serve(app, 1, 'cafe0001')
    const bundles = createBundles(join(home, 'repositories'), account, 500)
    backups = createBackups({ home, paths: config.paths, version: '1.2.3', store, bundles }, old.key)
    key = old.key.toString('base64')
    file = (await backups.save(calm)).file
  })
  afterAll(async () => {
    await old.stop()
    await fresh.stop()
  })

  async function push(home: string, id: string): Promise<string> {
    const repository = await createRepositories(join(home, 'repositories'), '/hooks', account).ensure(id)
    const work = join(home, 'work')
    git('init', '-q', '-b', 'main', work)
    writeFileSync(join(work, 'file'), planted)
    git('-C', work, 'add', '.')
    git('-C', work, 'commit', '-q', '-m', 'one')
    git('-C', work, 'push', '-q', repository, 'main')
    return git('-C', work, 'rev-parse', 'HEAD')
  }

  test('the file is private, nothing of it can be read, and nothing else is left', () => {
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(file).toMatch(/\/backups\/server-\d{4}-\d\d-\d\d-\d{6}\.age$/)
    const bytes = readFileSync(file)
    for (const text of [planted, 'blog', 'host_ed25519', 'SQLite format', 'refs/heads']) {
      expect(bytes.includes(text), text).toBe(false)
    }
    expect(readdirSync(old.config.paths.spool)).toEqual([])
  })

  test('it gives back the state with its secrets, the repositories, the host keys and the settings of the operator', async () => {
    const opened = folder('opened')
    await openBackup(createReadStream(file), `${key}\n`, opened)
    expect(readFileSync(join(opened, 'secret.key')).equals(old.key)).toBe(true)
    expect(statSync(join(opened, 'secret.key')).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(opened, 'sshd/host_ed25519'), 'utf8')).toContain(planted)
    expect(existsSync(join(opened, 'sshd/sshd_config'))).toBe(false)
    expect(readFileSync(join(opened, 'settings.env'), 'utf8')).toBe(
      'MEGAPOLOS_HTTP_PORT=8080\nMEGAPOLOS_DOMAIN=localhost\n',
    )
    git('clone', '-q', '-b', 'main', join(opened, `repositories/${app}.bundle`), folder('cloned'))
    expect(readFileSync(folder('cloned/file'), 'utf8')).toBe(planted)
    const config = { ...fresh.config, paths: { ...fresh.config.paths, sqlite: folder('empty/db') } }
    await restoreState(config, join(opened, 'state.sqlite'), { elsewhere: true })
    const store = await openStore({ config, key: old.key, log: quiet })
    expect(await store.apps.get('blog')).toMatchObject({ id: app, release: 1 })
    expect(await store.config.get(app)).toEqual({ SECRET: planted })
    expect((await store.releases.get(app, 1))?.config).toEqual({ SECRET: planted })
    await store.close()
  })

  test('it gives back the drivers that were added, and what was approved of them still is', async () => {
    const [before, after] = [join(old.config.paths.drivers, 'tides'), folder('home-drivers')]
    await loadDrivers(join(folder('opened'), 'drivers'), after)
    expect(digestOf(await readFolder(join(after, 'tides')))).toBe(digestOf(await readFolder(before)))
  })

  test('sent to whoever asked it is the same, without a file here', async () => {
    const chunks: Buffer[] = []
    const before = readdirSync(old.config.paths.backups)
    await backups.send(async (bytes) => void chunks.push(bytes), calm)
    await openBackup(Readable.from(chunks), key, folder('sent'))
    expect(readdirSync(old.config.paths.backups)).toEqual(before)
  })

  test('two at a time are both whole', async () => {
    const both = ['one', 'two'].map(async (name) => {
      const chunks: Buffer[] = []
      await backups.send(async (bytes) => void chunks.push(bytes), calm)
      await openBackup(Readable.from(chunks), key, folder(name))
    })
    await Promise.all(both)
  })

  test('whoever hangs up in the middle leaves nothing behind', async () => {
    const gone = new UserError('cancelled', 'gone')
    await expect(backups.send(() => Promise.reject(gone), calm)).rejects.toBe(gone)
    const left = join(old.config.paths.backups, 'server-2026-01-01-000000.age.part')
    writeFileSync(left, 'left by a kernel that died')
    const stopped = AbortSignal.abort()
    await expect(backups.save({ ...calm, signal: stopped })).rejects.toMatchObject({ code: 'cancelled' })
    await expect.poll(() => readdirSync(old.config.paths.spool)).toEqual([])
    expect(readdirSync(old.config.paths.backups)).toHaveLength(1)
  })

  test.each(['spool', 'backups'] as const)(
    'a full disk under %s is said in one sentence, and nothing is left',
    async (place) => {
      const { store, config } = old
      const paths = { ...config.paths, [place]: folder(`full-${place}`) }
      mkdirSync(paths[place])
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', paths[place]])
      try {
        const bundles = createBundles(join(old.folder, 'repositories'), account, 500)
        const saving = createBackups({ home: old.folder, paths, version: '1', store, bundles }, old.key).save(calm)
        await expect(saving).rejects.toMatchObject({ code: 'unavailable', message: /^The disk of the server is full/ })
        expect(readdirSync(paths[place])).toEqual([])
      } finally {
        execFileSync('umount', [paths[place]])
      }
    },
  )

  test.each<[string, (bytes: Buffer) => Buffer, string | null, RegExp]>([
    ['another key', (bytes) => bytes, randomBytes(32).toString('base64'), /^The backup does not open with this key\.$/],
    ['what is no key', (bytes) => bytes, 'secret', /^That is not an encryption key\.$/],
    ['a file that was cut off', (bytes) => bytes.subarray(0, -1), null, /^The backup is damaged, or a part/],
    ['a file of which little came', (bytes) => bytes.subarray(0, 100), null, /^The backup is damaged, or a part/],
    [
      'a flipped bit',
      (bytes) => bytes.map((byte, at) => (at === 1000 ? byte ^ 4 : byte)) as Buffer,
      null,
      /^The backup is damaged/,
    ],
    ['another file', () => Buffer.from('PK'), null, /^This is not a backup of MegapolOS\.$/],
  ])('%s is refused in one sentence, and nothing was unpacked', async (_, change, otherKey, sentence) => {
    const bytes = Buffer.from(change(readFileSync(file)))
    const opening = openBackup(Readable.from([bytes]), otherKey ?? key, folder('refused'))
    await expect(opening).rejects.toMatchObject({ message: sentence })
    expect(existsSync(folder('refused'))).toBe(false)
  })

  test.each([
    ['../escaped', 'x', /damaged/],
    ['settings.env', 'MEGAPOLOS_DOMAIN=a\nLD_PRELOAD=/tmp/x\n', /damaged/],
    ['settings.env', 'MEGAPOLOS_PREFIX=/etc\n', /damaged/],
    ['about.json', '{"format":3,"program":"9.0.0"}', /written by MegapolOS 9\.0\.0, in a format/],
  ])('a part %s that this program does not know is refused', async (name, content, sentence) => {
    const state = folder('state')
    if (!existsSync(state)) await old.store.backup(state)
    const path = folder('content')
    writeFileSync(path, content)
    async function* parts() {
      yield { name: 'state.sqlite', path: state }
      yield { name, path }
    }
    const opening = openBackup(encrypt(archive(parts()), key), key, folder('odd'))
    await expect(opening).rejects.toMatchObject({ message: sentence })
    expect(existsSync(folder('odd'))).toBe(false)
  })
})
