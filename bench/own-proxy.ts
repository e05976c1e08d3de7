/** A proxy of its own for measurements that need no app: an nginx with the driver, and certificates. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createDriver } from '../drivers/nginx/index.ts'
import type { ProxyDriver } from '../server/devices/classes/proxy.ts'
import type { PartId, Parts, RouteTable } from '../server/domain/route.ts'
import { createLog } from '../server/log.ts'
import { quickly } from '../test/quickly.ts'
import { untilListening } from './lab.ts'

export interface OwnProxy {
  readonly driver: ProxyDriver
  start(): Promise<void>
  /** As a crash would. */
  kill(): Promise<void>
  /** For good, and what it left is removed. */
  remove(): Promise<void>
}

const system = 'bench'

export async function ownProxy(folder: string, httpPort: number, httpsPort: number): Promise<OwnProxy> {
  const settings = { httpPort, httpsPort }
  const driver = createDriver({ folder: join(folder, 'proxy'), system, settings, log: createLog(() => {}) })
  await driver.install()
  let end = async (_: NodeJS.Signals) => {}
  return {
    driver,
    async start() {
      const [program = '', ...words] = driver.command()
      const nginx = spawn(program, words, { stdio: 'ignore', detached: true })
      end = async (signal) => {
        const exit = once(nginx, 'exit')
        process.kill(-(nginx.pid as number), signal)
        await exit
      }
      await untilListening(httpPort)
    },
    kill: () => end('SIGKILL'),
    async remove() {
      await end('SIGTERM')
      for (const place of [`/run/megapolos-${system}`, `/var/lib/nginx/megapolos-${system}`, join(folder, 'proxy')]) {
        await rm(place, { recursive: true })
      }
    },
  }
}

export interface Certificates {
  /** Files that another nginx can be given. */
  readonly chain: string
  readonly key: string
  readonly parts: Parts
  /** A part for each number; no two are the same text. */
  id(number: number): PartId
}

/** One key and certificate for all; as many texts of it as are asked for, since parts are known by their text. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const [chain, key] = [join(folder, 'chain.pem'), join(folder, 'key.pem')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost']
  await quickly('openssl', 'req', '-x509', ...kind, '-days', '30', '-keyout', key, '-out', chain)
  const pair = (await readFile(chain, 'utf8')) + (await readFile(key, 'utf8'))
  const known = new Map<PartId, string>()
  return {
    chain,
    key,
    id(number) {
      const text = `certificate ${number}\n${pair}`
      const id = createHash('sha256').update(text).digest('hex').slice(0, 32)
      known.set(id, text)
      return id
    },
    parts: async (id) => known.get(id) ?? '',
  }
}

/** `localhost` and as many others, each with a certificate of its own, all led to one target. */
export function tableOf(others: number, target: string, certificates: Certificates): RouteTable {
  const names = ['localhost', ...Array.from({ length: others }, (_, number) => `host-${number}.example.com`)]
  const host = (number: number) => ({ app: 'bench', targets: [target], certificate: certificates.id(number) })
  return { hosts: Object.fromEntries(names.map((name, number) => [name, host(number)])) }
}
