/** A driver whose databases are names in its memory, for tests of the line to it. */
import { serve } from './line.mjs'

const databases = new Set()
const nothing = () => null

const { kernel, progress } = serve({
  install(options, lines) {
    for (const step of ['one', 'two', 'three']) progress(lines, `${step} of ${options.memory}`)
  },
  ...{ adopt: nothing, uninstall: nothing, restart: nothing, drop: (name) => void databases.delete(name) },
  status: () => ({ running: true, version: '1.0', problem: null }),
  logs: (lines) => Array.from({ length: lines }, (_, line) => `line ${line}`),
  create: (name) => void databases.add(name),
  list: () => [...databases],
  grant: async (database) => ({ ...(await kernel('network.endpoint', 'main', 5000)), database }),
  ...{ revoke: nothing, logins: () => [] },
  inspect: () => ({ tables: [{ name: 'a', rows: 1, checksum: 'c' }], definitions: [] }),
  async dump(database) {
    const { process, stdout } = await kernel('containers.exec', 'server', { command: ['dump', database] })
    return { bytes: stdout, token: process }
  },
  async dumped(process) {
    const { code, stderr } = await kernel('process.ended', process)
    if (code !== 0) throw Object.assign(new Error(`dump said: ${stderr}`), { data: { code: 'refused' } })
    return { tables: [], definitions: [`ended with ${code}`] }
  },
  async restore(database, bytes) {
    const { process, stdin } = await kernel('containers.exec', 'server', { command: ['restore', database] })
    await kernel('streams.pipe', bytes.stream, stdin.stream)
    await kernel('process.ended', process)
  },
  connect: () => ({ in: 'node', exec: { command: ['id'] } }),
})
