import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createBases } from '../../server/build/bases.ts'
import { createEngine } from '../../server/engine/docker.ts'
import { createLog } from '../../server/log.ts'
import { builderConforms, builderMutantsAreCaught } from '../conformance/builder.ts'
import type { BuilderUnderTest } from '../conformance/builder-under-test.ts'
import { createDriver } from './index.ts'

const engineSocket = '/var/run/docker.sock'
const host = { folder: '/nonexistent', system: 'test', settings: {}, log: createLog(() => {}) }
const execute = promisify(execFile)
const docker = async (...args: string[]) => (await execute('docker', args)).stdout

/** Its images: those of a run that was interrupted go an hour later. */
const label = `megapolos.test=builder-${process.pid}`
/** Its own name of the base: others on the machine may take theirs away. */
const base = `megapolos-test-base:${process.pid}`

async function makeBuilder(): Promise<BuilderUnderTest> {
  const driver = createDriver({ ...host, engineSocket })
  const config = { mode: 'auto', buildpacks: join(import.meta.dirname, '../../buildpacks'), system: 'test' } as const
  const bases = createBases(config, () => driver, createEngine({ socket: engineSocket, system: 'test' }))
  await bases.ensure('static', () => {})
  await docker('tag', bases.reference('static', 'bookworm', 'run'), base)
  await docker('image', 'prune', '--all', '--force', '--filter', 'label=megapolos.test', '--filter', 'until=1h')
  return {
    driver,
    base,
    label,
    patience: 30,
    run: (image, command) => docker('run', '--rm', '--network', 'none', image, ...command),
    history: (image) => docker('history', '--no-trunc', image),
    labels: async (image) => JSON.parse(await docker('inspect', '--format', '{{json .Config.Labels}}', image)),
    processes: async () => (await execute('ps', ['-eo', 'args'])).stdout,
    remove: async () => {
      const images = (await docker('images', '-q', '--no-trunc', '--filter', `label=${label}`)).trim()
      if (images) await docker('rmi', '-f', ...new Set(images.split('\n')))
      await docker('rmi', base)
    },
  }
}

builderConforms('docker', makeBuilder)
builderMutantsAreCaught('docker', async () => ({ ...(await makeBuilder()), patience: 5 }))

const request = {
  app: 'a',
  source: '/dev/null',
  dockerfile: 'D',
  ignore: [],
  files: { D: 'FROM x' },
  tag: 't',
  labels: {},
  secrets: {},
}

test('an engine that is not there is told as unavailable', async () => {
  const driver = createDriver({ ...host, engineSocket: '/nonexistent/docker.sock' })
  await expect(driver.build(request, () => {}, new AbortController().signal)).rejects.toMatchObject({
    code: 'unavailable',
  })
})

test('an engine that goes away during the build is told as unavailable, not as a failed build', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-engine-'))
  const server = createServer((_, response) => {
    response.write('{"stream":"started"}\n')
    setImmediate(() => response.destroy())
  })
  server.on('upgrade', (_, socket) =>
    socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'),
  )
  const socketPath = join(folder, 'docker.sock')
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  try {
    const driver = createDriver({ ...host, engineSocket: socketPath })
    await expect(driver.build(request, () => {}, new AbortController().signal)).rejects.toMatchObject({
      code: 'unavailable',
    })
  } finally {
    server.close()
    server.closeAllConnections()
    await rm(folder, { recursive: true })
  }
})
