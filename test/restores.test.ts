/** What is left of a server that is gone, an archive and its key, is enough: on a fresh installation, and with a backup of the server. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import type { Person } from './person.ts'
import { example, push } from './repository.ts'
import { type SecondSystem, secondSystem } from './second-system.ts'

describe('on another machine', { timeout: 240_000 }, () => {
  let archive: string
  let keyFile: string
  let second: SecondSystem
  let there: Person
  let notes: string
  const at = inSystem(async ({ system, person }) => {
    const top = person.folder
    const megapolos = (...words: string[]) => person.must('ssh', 'megapolos', ...words)
    archive = join(top, 'archive')
    await mkdir(archive)
    await megapolos('devices:install', 'postgres')
    await megapolos('devices:adopt', 'volume', '--name', 'disk', `path=${archive}`)
    await example(person, 'notes', 'blog')
    await push(person)
    await megapolos('db:attach', 'blog', '--create', 'postgres')
    await megapolos('volumes:create', 'uploads')
    await megapolos('volumes:attach', 'blog', 'uploads')
    await megapolos('enter', 'blog', 'web.1', 'cp', 'Procfile', '/megapolos/uploads/photo')
    for (const text of ['one', 'two', 'three']) await person.must('curl', '-d', text, 'http://blog.localhost/')
    for (const name of ['blog-postgres', 'uploads']) await megapolos('backups:capture', name)
    person.folder = top
    keyFile = join(top, 'key')
    await writeFile(keyFile, (await readFile(join(system.home, 'keys/secret.key'))).toString('base64'))
  })
  beforeAll(async () => {
    second = secondSystem(at.system, `10.${90 + Number(process.env.MEGAPOLOS_SLOT ?? 0)}.0.0/16`)
    await second.remove()
    notes = await at.get('blog.localhost')
  }, 120_000)
  afterAll(async () => {
    await there?.leave()
    await second?.remove()
  }, 120_000)

  const megapolos = (...words: string[]) => there.must('ssh', 'megapolos', ...words)
  const get = async (host: string) => (await there.run(['curl', `http://${host}/`])).output

  test('a fresh installation restores a database and a volume from the archive and the key alone', async () => {
    expect(notes).toBe('3 notes\n')
    expect(await second.install()).toMatchObject({ exit: 0 })
    there = await second.person()
    await megapolos('devices:adopt', 'volume', '--name', 'disk', `path=${archive}`)
    expect(await megapolos('backups:list')).toMatch(/blog-postgres .*not restored yet/)
    const refused = async (name: string) => (await there.run(['ssh', 'megapolos', 'backups:restore', name])).output
    expect(await refused('blog-postgres')).toContain('does not open with this key')
    await there.run(['ssh', 'megapolos', 'backups:unlock'], { from: keyFile })
    expect(await refused('blog-postgres')).toContain('no postgres is installed')
    await megapolos('devices:install', 'postgres')
    expect(await megapolos('backups:restore', 'blog-postgres')).toContain('blog-postgres is restored.')
    expect(await megapolos('backups:restore', 'uploads')).toContain('uploads is restored.')

    await example(there, 'notes', 'journal')
    await push(there)
    await megapolos('db:attach', 'journal', 'blog-postgres')
    await megapolos('volumes:attach', 'journal', 'uploads')
    expect(await get('journal.localhost')).toBe(notes)
    expect(await megapolos('enter', 'journal', 'web.1', 'cat', '/megapolos/uploads/photo')).toMatch(/^web: /)
  })

  test('a restored server installs its devices again, starts no app on empty data, and brings all of it back with one command', async () => {
    await second.remove()
    const file = join(at.person.folder, 'server.age')
    await at.person.run(['ssh', 'megapolos', 'server:backup', '--stdout'], { to: file })
    // What was written since is in a newer backup, which the server's own knows nothing of.
    await at.person.must('curl', '-d', 'four', 'http://blog.localhost/')
    await at.person.must('ssh', 'megapolos', 'backups:capture', 'blog-postgres')

    const { exit, output } = await second.restore(file, keyFile)
    expect({ exit, output }).toMatchObject({ exit: 0 })
    expect(output).toContain('blog starts when the content of blog-postgres and uploads is back.')
    expect(output.trimEnd()).toMatch(/ backups:restore-all$/)
    expect(output).toMatch(/restore the database blog-postgres from databases\/blog-postgres\/.* in disk, made /)
    there = await second.person()
    expect(await megapolos('devices:info', 'postgres')).toMatch(/^state: +running$/m)
    expect(await get('blog.localhost')).not.toContain('notes')
    expect(await megapolos('db:list')).toMatch(/^blog-postgres +postgres +lost +blog \(DATABASE\)/m)
    const doctor = (await there.run(['ssh', 'megapolos', 'server:doctor'])).output
    for (const what of ['the database blog-postgres', 'the volume uploads'])
      expect(doctor).toContain(`The content of ${what} is not here since this server was restored`)
    const refused = await there.run(['ssh', 'megapolos', 'ps:restart', 'blog'])
    expect(refused).toMatchObject({ exit: 73, output: expect.stringContaining('backups:restore-all') })

    // The disk of the archive is mounted somewhere else on this machine.
    const elsewhere = `${archive}-elsewhere`
    await rename(archive, elsewhere)
    expect(await megapolos('backups:restore-all', '--dry-run')).toContain('The archive disk cannot be looked into')
    await megapolos('devices:adopt', 'volume', '--name', 'disk', `path=${elsewhere}`)

    const back = await megapolos('backups:restore-all')
    expect(back).toMatch(/^blog-postgres is back, as it was .*\nuploads is back, as it was .*\nblog v2 runs: http/m)
    expect(await get('blog.localhost')).toBe('4 notes\n')
    expect(await megapolos('enter', 'blog', 'web.1', 'cat', '/megapolos/uploads/photo')).toMatch(/^web: /)
    expect(await megapolos('db:list')).not.toContain('before')
    expect(await megapolos('backups:restore-all')).toBe('Every database and volume has its content.')
    expect(await megapolos('server:doctor')).not.toContain('The content of')
  })
})
