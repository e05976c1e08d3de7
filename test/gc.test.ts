import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { quickly } from './quickly.ts'
import { commit, edit, example, push } from './repository.ts'

describe('what somebody else removes, and a disk that is full', { timeout: 180_000 }, () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'static', 'site')
    await push(person)
    await edit(person, 'index.html', 'Hello', 'Good evening')
    // As a forced push does: from now on no branch leads to the first commit.
    await person.must('git', 'commit', '--quiet', '--all', '--amend', '-m', 'Second version')
    await person.must('git', 'push', '--force', 'megapolos', 'main')
  })

  test('after a prune of images, bases and unreachable commits a rollback builds again', async () => {
    await removeImages({ base: true })
    const repository = join(at.system.home, 'repositories', `${await appId()}.git`)
    const asUser = ['--user', at.system.user, '--', 'git', '-C', repository]
    execFileSync('runuser', [...asUser, 'reflog', 'expire', '--expire=now', '--all'])
    execFileSync('runuser', [...asUser, 'gc', '--quiet', '--prune=now'])

    const planned = await at.person.must('ssh', 'megapolos', 'releases:rollback', 'site', 'v1', '--dry-run')
    expect(planned).toMatch(/^ {2}build [0-9a-f]{7}$/m)
    const said = await at.person.must('ssh', 'megapolos', 'releases:rollback', 'site', 'v1')
    expect(said).toMatch(/An image of v1 is gone; building [0-9a-f]{7} again/)
    expect(said).toContain('Rolled back to v1, as v3.')
    expect(await at.get('site.localhost')).toContain('Hello from a page')
  })

  test('an app that was stopped, and lost its image, starts with one that was built again', async () => {
    await at.person.must('ssh', 'megapolos', 'ps:stop', 'site')
    await removeImages({ base: false })
    const said = await at.person.must('ssh', 'megapolos', 'ps:start', 'site')
    expect(said).toMatch(/An image of v3 is gone; building [0-9a-f]{7} again/)
    expect(await at.get('site.localhost')).toContain('Hello from a page')
    expect(await at.person.must('ssh', 'megapolos', 'releases', 'site')).toMatch(/^v3 \*/m)
  })

  test('on a disk that is nearly full a push is refused before anything is built, and goes through once there is room', async () => {
    await edit(at.person, 'index.html', 'Good evening', 'Good morning')
    await commit(at.person, 'Third version')
    const spool = join(at.system.home, 'spool')
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', spool])
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${join(spool, 'full')}`, 'bs=4k', 'count=1000'], { stdio: 'ignore' })
      const { exit, output } = await at.person.run(['git', 'push', '--force', 'megapolos', 'main'])
      expect(exit, output).not.toBe(0)
      expect(output).toContain('The disk is nearly full: making room')
      expect(output).toMatch(
        /! {2,}The disk is nearly full: .* of 4\.2 MB are free at .*\/spool, and a build needs 210 kB\./,
      )
      expect(output).not.toContain('Building')
      expect(await at.get('site.localhost')).toContain('Hello from a page')
    } finally {
      execFileSync('umount', ['--lazy', spool])
    }
    await at.person.must('git', 'push', '--force', 'megapolos', 'main')
    expect(await at.get('site.localhost')).toContain('Good morning')
  })

  test('a destroyed app leaves no image, no repository and no log of a job that nobody knows', async () => {
    const id = await appId()
    writeFileSync(join(at.system.home, 'logs/jobs/999999.log'), 'left over\n')
    await at.person.must('ssh', 'megapolos', 'apps:destroy', 'site', '--confirm', 'site')
    await expect.poll(() => images(id), { timeout: 20_000 }).toEqual([])
    expect(existsSync(join(at.system.home, 'repositories', `${id}.git`))).toBe(false)
    await at.person.must('ssh', 'megapolos', 'server:gc')
    expect(existsSync(join(at.system.home, 'logs/jobs/999999.log'))).toBe(false)
  })

  async function appId(): Promise<string> {
    return JSON.parse(await at.person.must('ssh', 'megapolos', 'apps:info', 'site', '--format', 'json')).id
  }

  async function images(app: string): Promise<string[]> {
    const filters = ['--filter', `label=megapolos.system=${at.system.label}`, '--filter', `label=megapolos.app=${app}`]
    const listed = await quickly('docker', 'images', '--format', '{{.Repository}}:{{.Tag}}', ...filters)
    return listed.split('\n').filter((name) => name !== '')
  }

  /** What `docker system prune --all` would do here: it spares only what a container uses. */
  async function removeImages({ base }: { base: boolean }): Promise<void> {
    const app = await appId()
    const containers = () => quickly('docker', 'ps', '--all', '--quiet', '--filter', `label=megapolos.app=${app}`)
    const running = base ? 1 : 0
    await expect.poll(async () => (await containers()).split('\n').length - 1, { timeout: 60_000 }).toBe(running)
    const used = running
      ? await quickly('docker', 'inspect', '--format', '{{.Image}}', ...(await containers()).trim().split('\n'))
      : ''
    const unused: string[] = []
    for (const name of await images(app)) {
      const id = await quickly('docker', 'image', 'inspect', '--format', '{{.Id}}', name)
      if (!used.includes(id.trim())) unused.push(name)
    }
    expect(unused.length).toBeGreaterThan(0)
    const bases = base
      ? await quickly('docker', 'images', '--format', '{{.Repository}}:{{.Tag}}', 'megapolos/static-run')
      : ''
    await quickly('docker', 'image', 'rm', ...unused, ...bases.split('\n').filter((name) => name !== ''))
  }
})
