/** What each fault is called, and the command that goes with it: judgements over given facts. */
import { describe, expect, test } from 'vitest'
import { commandsOf } from '../check.ts'
import { checks } from '../checks.ts'
import { clock } from './clock.ts'
import { containers } from './containers.ts'
import { devices } from './devices.ts'
import { disk } from './disk.ts'
import { engine } from './engine.ts'
import { firewall } from './firewall.ts'
import { hooks } from './hooks.ts'
import { jobs } from './jobs.ts'
import { keys } from './keys.ts'
import { lost } from './lost.ts'
import { mountState, mounts } from './mounts.ts'
import { names } from './names.ts'
import { nameservers } from './nameservers.ts'
import { port } from './port.ts'
import { program } from './program.ts'
import { redis } from './redis.ts'
import { routes } from './routes.ts'
import { store } from './store.ts'

const commands = commandsOf({ home: '/var/lib/megapolos', program: '/opt/megapolos/current' })
const install = (words: string) => `/opt/megapolos/current/install.sh ${words} --home /var/lib/megapolos`

test('every check has a name of its own, and needs checks that there are', () => {
  const all = checks.map(({ name }) => name)
  expect(new Set(all).size).toBe(all.length)
  for (const { needs = [] } of checks) expect(all).toEqual(expect.arrayContaining([...needs]))
})

describe('disk', () => {
  const home = { folder: '/var/lib/megapolos', mountedOn: '/', docker: false }
  const fine = { ...home, used: 89, freeBytes: 2.5e9, usedInodes: 12 }

  test('below 90 % is in order', () => expect(disk.judge([fine], commands)).toEqual([]))

  test('from 90 % on it warns, from 95 % on it fails', () => {
    const found = disk.judge(
      [
        { ...fine, used: 90 },
        { ...fine, used: 95 },
      ],
      commands,
    )
    expect(found.map(({ severity }) => severity)).toEqual(['warning', 'error'])
    expect(found[1]?.problem).toBe('The disk of /var/lib/megapolos is 95 % full; 2.5 GB are left.')
    expect(found[1]?.fix).toBe('du -xah / | sort -h | tail -n 20')
  })

  test('the one with Docker on it is cleared of what can be built again', () => {
    const [found] = disk.judge([{ ...fine, docker: true, used: 96 }], commands)
    expect(found?.fix).toMatch(/^megapolos server:gc; du /)
  })

  test('one without room for more files is named, and one that makes them as needed is not', () => {
    expect(disk.judge([{ ...fine, usedInodes: 97 }], commands)).toMatchObject([
      { severity: 'error', problem: expect.stringContaining('97 % of the files') },
    ])
    expect(disk.judge([{ ...fine, usedInodes: null }], commands)).toEqual([])
  })
})

describe('engine', () => {
  const fine = { version: '20.10.24', api: '1.41', root: '/var/lib/docker', liveRestore: true, time: 0 }
  const facts = { ...fine, rootless: false, remapped: false, settings: '{ "live-restore": true }' }
  const judge = (changes: object) => engine.judge({ ...facts, ...changes }, commands)

  test('1.41 is new enough, and so is 2.0', () => {
    expect(judge({})).toEqual([])
    expect(judge({ api: '2.0' })).toEqual([])
  })

  test('1.40 is too old, although it is more than 1.5', () => {
    expect(judge({ version: '19.03.15', api: '1.40' })).toMatchObject([
      {
        severity: 'error',
        problem: 'Docker 19.03.15 speaks engine API 1.40, which is too old; 1.41 is needed (Docker 20.10).',
      },
    ])
    expect(judge({ api: '1.5' })).toHaveLength(1)
  })

  test('kinds in which mounts do not work are named', () => {
    expect(judge({ rootless: true })[0]?.problem).toContain('rootless')
    expect(judge({ remapped: true })[0]?.problem).toContain('userns-remap')
    expect(judge({ root: '/var/snap/docker/x' })[0]?.problem).toContain('snap')
  })

  test.each([
    [null, 'echo'],
    ['{}', 's/{/{ "live-restore": true/'],
    ['{ "debug": true }', 's/{/{ "live-restore": true,/'],
    ['{ "live-restore": false }', 's/"live-restore": *false/"live-restore": true/'],
  ])('live-restore is switched on in settings that are %s', (settings, words) => {
    const [found] = judge({ liveRestore: false, settings })
    expect(found).toMatchObject({ severity: 'warning', fix: expect.stringContaining(words) })
  })
})

describe('clock', () => {
  const fine = { offset: null, engine: 0, setBack: 0, jumped: 0 }
  const judge = (changes: object) => clock.judge({ ...fine, ...changes }, commands)
  const offset = (ahead: number) => ({ offset: { server: 'time.example', ahead } })

  test('a second is in order, and so is that nobody is there to ask', () => {
    expect(judge(offset(-1))).toEqual([])
    expect(judge({})).toEqual([])
  })

  test('a skew is named with its size, its direction and its source', () => {
    expect(judge(offset(-42.25))).toMatchObject([
      {
        severity: 'error',
        problem: expect.stringContaining('42.3 s behind that of time.example'),
        fix: expect.stringContaining('chrony'),
      },
    ])
    expect(judge(offset(7200))[0]?.problem).toContain('2 h ahead of that of time.example')
    expect(judge(offset(3))[0]?.severity).toBe('warning')
  })

  test('without a time server it is known by Docker, by what was written later, and by a jump', () => {
    expect(judge({ engine: -60 })[0]?.problem).toContain('60.0 s ahead of that of Docker')
    expect(judge({ setBack: 3600 })[0]?.problem).toContain('the newest event was written 60 min later than now')
    expect(judge({ jumped: 3600 })[0]?.problem).toContain('set forward by 60 min while the kernel ran')
  })

  test('a jump that a time server confirms has set it right', () => {
    expect(judge({ ...offset(0.1), jumped: 3600 })).toEqual([])
  })
})

describe('names', () => {
  const facts = { global: 'apps.example', own: ['10.0.0.5', '203.0.113.7'], hosts: [], custom: [] }
  const blog = { host: 'blog.apps.example', addresses: ['203.0.113.7'] }

  test('those that lead here are in order', () =>
    expect(names.judge({ ...facts, hosts: [blog] }, commands)).toEqual([]))

  test('one that leads nowhere, and one that leads elsewhere', () => {
    expect(names.judge({ ...facts, hosts: [{ ...blog, addresses: [] }] }, commands)).toEqual([
      {
        severity: 'error',
        problem: 'blog.apps.example leads nowhere; in DNS, point *.apps.example at 10.0.0.5, or take another domain.',
        fix: 'megapolos domains:set-global localhost',
      },
    ])
    const [elsewhere] = names.judge({ ...facts, hosts: [{ ...blog, addresses: ['198.51.100.1'] }] }, commands)
    expect(elsewhere?.problem).toContain('leads to 198.51.100.1, which is not this machine (10.0.0.5, 203.0.113.7)')
    expect(elsewhere?.fix).toBe(install('install --address 198.51.100.1'))
  })

  test('a domain of an app may lead elsewhere, but not nowhere', () => {
    const custom = [{ app: 'blog', host: 'example.com', addresses: ['198.51.100.1'] }]
    expect(names.judge({ ...facts, custom }, commands)).toMatchObject([
      { severity: 'note', problem: expect.stringContaining('leads to 198.51.100.1, which is not this machine') },
    ])
    expect(
      names.judge({ ...facts, custom: [{ app: 'blog', host: 'example.com', addresses: [] }] }, commands),
    ).toMatchObject([{ severity: 'warning', fix: 'megapolos domains:remove blog example.com' }])
  })
})

describe('port', () => {
  const words = '/usr/sbin/nginx -c /x/nginx.conf'
  const master = { pid: 7, program: 'nginx', words: `nginx: master process ${words}`, unit: null }
  const worker = { ...master, pid: 8, words: 'nginx: worker process' }
  const judge = (...listeners: (typeof master)[][]) => port.judge({ port: 80, words, listeners }, commands)

  test('the proxy with its workers is in order, with a socket for each kind of address', () => {
    expect(judge([worker, master], [worker, master])).toEqual([])
  })

  test('a proxy that does not run', () => {
    expect(judge()).toMatchObject([{ problem: expect.stringContaining('does not run'), fix: install('restart proxy') }])
  })

  test.each([
    [{ unit: 'nginx.service' }, 'systemctl disable --now nginx.service'],
    [{ unit: null }, 'kill 9'],
    [{ program: 'docker-proxy', unit: 'docker.service' }, 'docker stop $(docker ps --quiet --filter publish=80)'],
  ])('somebody else on the port (%o) is named with what ends it', (who, fix) => {
    const stranger = { ...master, pid: 9, words: 'nginx: master process /usr/sbin/nginx', ...who } as typeof master
    const expected = {
      problem: expect.stringContaining('(process 9) listens on port 80'),
      fix: `${fix}; ${install('restart proxy')}`,
    }
    expect(judge([stranger])).toMatchObject([expected])
    expect(judge([master], [stranger])).toMatchObject([expected])
  })

  test('a process that cannot be seen from here is named as such', () => {
    expect(judge([])[0]?.problem).toMatch(/^another process listens/)
  })
})

describe('mounts', () => {
  const line = (folder: string, more: string) => `29 1 8:1 /x ${folder} rw,relatime ${more}- ext4 /dev/sda1 rw`

  test('shared, private and missing are told apart, and of two the upper one counts', () => {
    expect(mountState(line('/h/mounts', 'shared:7 '), '/h/mounts')).toBe('shared')
    expect(mountState(line('/h/mounts', ''), '/h/mounts')).toBe('private')
    expect(mountState(line('/h/mounts', 'master:7 '), '/h/mounts')).toBe('private')
    expect(mountState(line('/h/mounts2', 'shared:7 '), '/h/mounts')).toBe('missing')
    expect(mountState([line('/h/mounts', 'shared:7 '), line('/h/mounts', '')].join('\n'), '/h/mounts')).toBe('private')
  })

  test('each is named with the command that makes it', () => {
    expect(mounts.judge({ folder: '/h/mounts', state: 'shared' }, commands)).toEqual([])
    for (const state of ['missing', 'private'] as const)
      expect(mounts.judge({ folder: '/h/mounts', state }, commands)).toMatchObject([{ fix: install('mounts') }])
  })
})

test('a key file that others can read, or that is not root’s, is named', () => {
  const file = { path: '/k/secret.key', mode: 0o600, rootOwned: true }
  expect(keys.judge([file], commands)).toEqual([])
  expect(keys.judge([{ ...file, mode: 0o644 }], commands)).toMatchObject([
    { problem: '/k/secret.key can be read by others than root (its mode is 644).', fix: 'chmod go= /k/secret.key' },
  ])
  expect(keys.judge([{ ...file, rootOwned: false }], commands)[0]?.fix).toContain('chown root: /k/secret.key')
})

test('a hook that cannot run, or that others can change, is named', () => {
  const file = { path: '/p/hooks/forced-command', mode: 0o755, rootOwned: true, runs: true }
  const judge = (changes: object) => hooks.judge([{ ...file, ...changes }], commands)
  expect(judge({})).toEqual([])
  expect(judge({ mode: 0o644 })[0]?.fix).toBe('chmod 755 /p/hooks/forced-command')
  expect(judge({ mode: 0o644, runs: false })).toEqual([])
  expect(judge({ mode: 0o775 })[0]?.problem).toContain('can be changed by others')
  expect(judge({ rootOwned: false })[0]?.fix).toContain('chown root:')
  expect(judge({ mode: 0 })[0]?.problem).toContain('is not there')
})

test('Redis and the store that are away, a slow store, an absent firewall', () => {
  expect(redis.judge({ answers: false }, commands)[0]?.fix).toBe(install('restart redis'))
  expect(store.judge({ kind: 'rqlite', took: null }, commands)[0]?.fix).toBe(install('restart rqlite'))
  expect(store.judge({ kind: 'rqlite', took: 1500 }, commands)[0]?.problem).toContain('1.5 s')
  expect(store.judge({ kind: 'rqlite', took: 5 }, commands)).toEqual([])
  expect(firewall.judge({ missing: ['IPv6'] }, commands)[0]?.problem).toContain('firewall of IPv6')
})

test('nameservers: one that answers is enough', () => {
  const [up, down] = [
    { address: '10.0.0.1', answers: true },
    { address: '10.0.0.2', answers: false },
  ]
  expect(nameservers.judge([up, down], commands)).toEqual([])
  expect(nameservers.judge([down], commands)[0]?.problem).toContain('answers (10.0.0.2)')
})

test('routes that are not those of the store, and a proxy with others', () => {
  const judge = (stored: string[], wanted: string[], inProxy: number | null) =>
    routes.judge({ stored, wanted, inProxy }, commands).map(({ problem }) => problem)
  expect(judge(['a', 'b'], ['b', 'a'], 2)).toEqual([])
  expect(judge(['a', 'b'], ['b', 'c'], 2)[0]).toContain('1 missing (a); 1 too many (c).')
  expect(judge(['a'], ['a'], 0)[0]).toBe('The proxy knows 0 domains, but 1 are wanted.')
  expect(judge(['a'], ['a'], null)).toEqual([])
})

test('a kernel that is older than what is installed, a job without an end, a container that does not stay up', () => {
  expect(program.judge({ running: '/o/1.0-a', installed: '/o/1.1-b' }, commands)[0]?.problem).toBe(
    'The kernel still is 1.0-a, but 1.1-b is installed.',
  )
  const job = { id: 7, kind: 'push', app: 'blog' }
  expect(jobs.judge({ running: [{ ...job, minutes: 59 }] }, commands)).toEqual([])
  expect(jobs.judge({ running: [{ ...job, minutes: 90 }] }, commands)[0]?.fix).toBe('megapolos jobs:cancel 7')
  const crashing = { app: 'blog', place: 'web.1', restarts: 4, exitCode: 1, oomKilled: false }
  expect(containers.judge([crashing], commands)[0]).toMatchObject({
    problem: 'web.1 of blog does not stay up: it exited with code 1, and was started 5 times.',
    fix: 'megapolos logs blog --process web.1',
  })
  expect(containers.judge([{ ...crashing, oomKilled: true }], commands)[0]?.problem).toContain('more memory')
})

test('what is lost is told, with the command that fills it from its backup', () => {
  expect(lost.judge([], commands)).toEqual([])
  expect(lost.judge(['the database blog-db'], commands)).toEqual([
    {
      severity: 'error',
      problem:
        'The content of the database blog-db is not here since this server was restored; apps that need it do not start.',
      fix: 'megapolos backups:restore-all',
    },
  ])
})

describe('devices', () => {
  const well = { name: 'pg', deviceClass: 'database', unfinished: false, install: null, problem: null }

  test('those that are well say nothing', () =>
    expect(devices.judge({ devices: [well], unbound: null }, commands)).toEqual([]))

  test('one that does not answer, one that is half there, an archive out of reach and lost addresses are told', () => {
    const list = [
      { ...well, problem: 'It has ended with code 1.' },
      { ...well, name: 'db2', unfinished: true, problem: 'It is not installed completely: …' },
      { ...well, name: 'db3', unfinished: true, install: 'devices:install pg --name db3', problem: 'It is not here.' },
      { ...well, name: 'far', deviceClass: 'archive', problem: 'far.example.com does not answer.' },
      { ...well, name: 'nginx', deviceClass: 'proxy', problem: 'The proxy does not answer.' },
    ]
    const found = devices.judge({ devices: list, unbound: '10.79.248.0/22' }, commands)
    expect(found.map(({ severity, problem, fix }) => `${severity}: ${problem} ${fix}`)).toEqual([
      `error: This machine does not answer at 10.79.248.0/22, where apps reach their devices. ${install('mounts')}`,
      'error: pg is not well: It has ended with code 1. megapolos devices:restart pg',
      'warning: db2 is not well: It is not installed completely: … megapolos devices:info db2',
      'warning: db3 is not well: It is not here. megapolos devices:install pg --name db3',
      'error: far is not well: far.example.com does not answer. megapolos devices:info far',
    ])
  })
})
