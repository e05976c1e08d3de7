import { expect, test } from 'vitest'
import { containerSpec, createOptions, observed, oneOffSpec, portOf, type SpecInput } from './container-spec.ts'

const input: SpecInput = {
  system: 'x1',
  appName: 'blog',
  place: { app: '0a1b2c3d', process: 'web', index: 2, release: 7, group: 'deadbeef' },
  process: { image: 'sha256:abc', command: ['/bin/sh', '-c', 'node server.js'], port: 5000 },
  config: { API_KEY: 'secret' },
  commit: '4f2c9e1',
  hardened: true,
  network: 'mp-x1-0a1b2c3d',
  hosts: ['blog.internal:10.79.251.255'],
  address: '10.64.3.2',
  memory: 256,
  restart: true,
  mounts: [{ source: '/h/mounts/a', target: '/megapolos', readOnly: true, propagation: 'rslave' }],
}

test('a web container is wholly told by its release and place', () => {
  expect(createOptions(containerSpec(input))).toEqual({
    Image: 'sha256:abc',
    Entrypoint: [],
    Cmd: ['/bin/sh', '-c', 'exec node server.js'],
    Env: [
      'API_KEY=secret',
      'PORT=5000',
      'DYNO=web.2',
      'MEGAPOLOS_APP=blog',
      'MEGAPOLOS_RELEASE=v7',
      'MEGAPOLOS_COMMIT=4f2c9e1',
      'MEGAPOLOS_PROCESS=web',
    ],
    Labels: {
      'megapolos.system': 'x1',
      'megapolos.app': '0a1b2c3d',
      'megapolos.process': 'web',
      'megapolos.index': '2',
      'megapolos.release': '7',
      'megapolos.group': 'deadbeef',
      'megapolos.device': '',
      'megapolos.address': '10.64.3.2',
      'megapolos.memory': '256',
      'megapolos.port': '5000',
      'megapolos.one-off': '',
    },
    Hostname: 'web-2',
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    AttachStdin: false,
    User: '1000:1000',
    HostConfig: {
      NetworkMode: 'mp-x1-0a1b2c3d',
      ExtraHosts: ['blog.internal:10.79.251.255'],
      Memory: 268435456,
      MemorySwap: 268435456,
      PidsLimit: 512,
      SecurityOpt: ['no-new-privileges'],
      CapDrop: ['ALL'],
      Init: true,
      Mounts: [
        {
          Type: 'bind',
          Source: '/h/mounts/a',
          Target: '/megapolos',
          ReadOnly: true,
          BindOptions: { Propagation: 'rslave', ReadOnlyNonRecursive: true },
        },
      ],
      RestartPolicy: { Name: 'unless-stopped' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    },
    NetworkingConfig: { EndpointsConfig: { 'mp-x1-0a1b2c3d': { IPAMConfig: { IPv4Address: '10.64.3.2' } } } },
  })
  expect(containerSpec(input).name).toBe('mp-x1-blog-web-2-deadbeef')
})

test('of a volume at a path of its own nothing comes along that is mounted in it', () => {
  const mounts = [{ source: '/srv/data', target: '/data', readOnly: true, propagation: 'rprivate' }] as const
  expect(createOptions(containerSpec({ ...input, mounts }))).toMatchObject({
    HostConfig: {
      Mounts: [{ BindOptions: { Propagation: 'rprivate', NonRecursive: true, ReadOnlyNonRecursive: true } }],
    },
  })
})

test('what the labels say is read back as it was', () => {
  expect(observed('id1', 'running', containerSpec(input).labels)).toEqual({
    ...input.place,
    id: 'id1',
    address: '10.64.3.2',
    memory: 256,
    port: 5000,
    state: 'running',
  })
})

test('the app’s own PORT wins for a web process, and only a port counts', () => {
  const { process } = input
  expect(portOf(process, { PORT: '8080' })).toBe(8080)
  for (const PORT of ['', 'http', '0', '70000', '1.5']) expect(portOf(process, { PORT })).toBe(5000)
  expect(portOf({ ...process, port: null }, { PORT: '8080' })).toBeNull()
  const spec = containerSpec({ ...input, config: { PORT: '8080' } })
  expect(spec.env.PORT).toBe('8080')
  expect(spec.labels['megapolos.port']).toBe('8080')
})

test('an image from a Dockerfile keeps its user and Docker’s default capabilities', () => {
  const options = createOptions(containerSpec({ ...input, hardened: false })) as { HostConfig: object }
  expect(options).not.toHaveProperty('User')
  expect(options.HostConfig).not.toHaveProperty('CapDrop')
  expect(options.HostConfig).toHaveProperty('SecurityOpt', ['no-new-privileges'])
})

test('no command means the image’s own, with its entrypoint', () => {
  const options = createOptions(containerSpec({ ...input, process: { ...input.process, command: null } }))
  expect(options).not.toHaveProperty('Cmd')
  expect(options).not.toHaveProperty('Entrypoint')
})

test('a one-off container ends by itself and has no assigned address', () => {
  const spec = oneOffSpec({ ...input, place: { ...input.place, process: 'run' }, tty: true, stdin: true })
  expect(spec).toMatchObject({ restart: false, address: null, tty: true, stdin: true })
  expect(spec.labels).toMatchObject({ 'megapolos.one-off': 'run', 'megapolos.system': 'x1' })
})

test('a name fits into 128 characters whatever it is made from', () => {
  const place = { ...input.place, process: 'p'.repeat(30) }
  const spec = containerSpec({ ...input, system: 's'.repeat(30), appName: 'a'.repeat(40), place })
  expect(spec.name.length).toBeLessThanOrEqual(128)
  expect(spec.hostname.length).toBeLessThanOrEqual(63)
})

test.each([
  ['node server.js --port $PORT', true],
  ['./bin/start "a b"', true],
  ['exec node server.js', false],
  ['cd app && node server.js', false],
  ['NODE_ENV=production node server.js', false],
  ['. ./env', false],
  ['exit 3', false],
  ['node a.js; node b.js', false],
  ['node a.js | tee log', false],
])('the shell of “%s” makes way for it: %s', (line, makesWay) => {
  const spec = containerSpec({ ...input, process: { ...input.process, command: ['/bin/sh', '-c', line] } })
  expect(spec.command?.at(-1)).toBe(makesWay ? `exec ${line}` : line)
})
