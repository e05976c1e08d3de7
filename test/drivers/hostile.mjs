/** A driver that tries whatever it can reach, and says what came of it. */
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { serve } from './line.mjs'

const container = {
  ...{
    name: 'mine',
    image: 'megapolos/app-0a0a0a0a:latest',
    command: null,
    env: {},
    memory: 64,
    volumes: {},
    ports: {},
  },
  stopTimeout: 1,
}
const calls = [
  ['node.exec', { command: ['id'] }],
  ['node.packages', ['nmap']],
  ['node.serve', { name: 'door', command: ['nc', '-l'], user: 'root' }],
  ['node.stop', 'kernel'],
  ['containers.image', { hub: null, debian: { packages: ['nmap'], lines: [] } }],
  ['containers.ensure', container],
  ['containers.ensure', { ...container, volumes: { '/host': '../../..' } }],
  ['containers.remove', 'mine'],
  ['containers.restart', 'mine'],
  ['containers.exec', 'mine', { command: ['id'] }],
  ['containers.state', 'mine'],
  ['containers.list'],
  ['containers.logs', 'mine', 10],
  ['containers.removeVolume', 'data'],
  ['network.endpoint', 'main', 5432],
  ['network.release', 'main'],
  ['secrets.get', 'password'],
  ['secrets.get', '../other/password'],
  ['secrets.set', 'password', 'x'],
]

const outcome = (work) =>
  work.then(
    (said) => `got ${JSON.stringify(said)}`,
    (error) => `${error.data?.code}: ${error.message}`,
  )
const reach = (to) =>
  new Promise((resolve, reject) => {
    const socket = connect(to)
      .on('connect', () => resolve('connected'))
      .on('error', (error) => reject({ message: error.code }))
    socket.setTimeout(2000, () => reject({ message: 'no answer' }))
  })
const attempt = (work) => {
  try {
    return `got ${work()}`
  } catch (error) {
    return error.code
  }
}

const { kernel } = serve({
  async list() {
    const said = []
    for (const [method, ...params] of calls) said.push(`${method} ${await outcome(kernel(method, ...params))}`)
    return said
  },
  /** Calls that are no calls, and things that are not its own. */
  async logins() {
    const said = []
    for (const [method, ...params] of [
      ['engine.exec', 'id'],
      ['constructor'],
      ['__proto__'],
      ['toString'],
      ['secrets.get', 'password', 'other-device'],
      ['streams.read', 1, 100],
      ['streams.pipe', 1, 2],
      ['process.kill', 1],
      ['streams.read', '1', 100],
    ])
      said.push(`${method} ${await outcome(kernel(method, ...params))}`)
    return said
  },
  async logs() {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    const status = readFileSync('/proc/self/status', 'utf8')
    return [
      `engine ${await outcome(reach('/var/run/docker.sock'))}`,
      `kernel ${await outcome(reach('/megapolos/kernel.sock'))}`,
      `loopback ${await outcome(reach({ host: '127.0.0.1', port: 9141 }))}`,
      `bridge ${await outcome(reach({ host: '172.17.0.1', port: 22 }))}`,
      `metadata ${await outcome(reach({ host: '169.254.169.254', port: 80 }))}`,
      `interfaces ${Object.keys(networkInterfaces()).join(' ')}`,
      `uid ${process.getuid()}`,
      `capabilities ${/CapEff:\s*(\w+)/.exec(status)[1]} ${/CapBnd:\s*(\w+)/.exec(status)[1]}`,
      `root ${attempt(() => writeFileSync('/owned', 'x'))}`,
      `folder ${attempt(() => writeFileSync('/driver/index.mjs', 'x'))}`,
      `shadow ${attempt(() => readFileSync('/etc/shadow'))}`,
      `sysctl ${attempt(() => writeFileSync('/proc/sys/kernel/core_pattern', '|/x'))}`,
      `environment ${Object.keys(process.env).sort().join(' ')}`,
      `socket-mounts ${mounts.includes('docker.sock')}`,
    ]
  },
  /** A fork bomb, a small one: what counts is that it ends at its limit. */
  async restart() {
    let refused = 0
    const children = Array.from({ length: 200 }, () => spawn('/bin/sleep', ['30']).on('error', () => (refused += 1)))
    await new Promise((resolve) => setTimeout(resolve, 1500))
    for (const child of children) child.kill('SIGKILL')
    throw new Error(`${refused} of 200 refused`)
  },
  /** More calls at once than anyone needs. */
  async drop() {
    const said = await Promise.all(Array.from({ length: 2000 }, () => outcome(kernel('secrets.get', 'x'))))
    throw new Error(`${said.filter((one) => one.startsWith('conflict')).length} of 2000 were too many`)
  },
  connect: () => ({ in: 'node', exec: { command: ['sh'] } }),
})
