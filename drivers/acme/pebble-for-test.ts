/** Pebble, a real ACME server for tests, and the DNS that it asks: both on free ports of the loopback, with keys of their own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { freePort } from '../../test/free-port.ts'
import { signItself } from '../self-signed/certificate.ts'
import { startProgram } from './program-for-test.ts'

export interface TestPebble {
  /** Settings of a driver that gets certificates here: what to trust it by lies in a file. */
  readonly settings: { readonly server: string; readonly ca: string }
  /** PEM: all that it signs leads there. Another one after each start. */
  root(): Promise<string>
  /** Of a certificate by its serial number: `Valid` or `Revoked`. */
  status(serial: string): Promise<string>
  /** What it has written so far. */
  log(): string
  kill(): Promise<void>
  /** Again, at the same address, having forgotten everything. */
  start(): Promise<void>
  remove(): Promise<void>
}

export interface PebbleOptions {
  /** Where it asks for http-01, on each name: the port of a proxy. */
  readonly httpPort: number
  /** Address and port of the DNS server that it asks; see `startNames`. */
  readonly dns: string
  /** Per cent of good nonces that it rejects all the same; none when left out. */
  readonly badNonces?: number
  /** Seconds that its certificates are good for; five years when left out. */
  readonly lifetime?: number
  /** Key id → HMAC key, base64url: it takes only accounts that are bound to one of these. */
  readonly externalAccounts?: Readonly<Record<string, string>>
}

export async function startPebble({
  httpPort,
  dns,
  badNonces = 0,
  lifetime,
  externalAccounts,
}: PebbleOptions): Promise<TestPebble> {
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-pebble-'))
  const [port, management, tlsPort] = [await freePort(), await freePort(), await freePort()]
  const { chain, key } = await signItself(['127.0.0.1'], 2)
  const paths = { certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') }
  const config = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: paths.certificate,
    privateKey: paths.key,
    ...{ httpPort, tlsPort, ocspResponderURL: '' },
    externalAccountBindingRequired: externalAccounts !== undefined,
    externalAccountMACKeys: externalAccounts ?? {},
    ...(lifetime === undefined ? {} : { certificateValidityPeriod: lifetime }),
    // What it refuses to sign. A name of fewer labels makes it panic: ask it for none.
    domainBlocklist: ['blocked.example.com'],
  }
  await writeFile(paths.certificate, chain)
  await writeFile(paths.key, key, { mode: 0o600 })
  await writeFile(join(folder, 'config.json'), JSON.stringify({ pebble: config }))
  const env = {
    ...{ PEBBLE_VA_NOSLEEP: '1', PEBBLE_AUTHZREUSE: '0' },
    // Clients must hand on more than one certificate of the chain.
    ...{ PEBBLE_CHAIN_LENGTH: '2', PEBBLE_WFE_NONCEREJECT: String(badNonces) },
  }
  const words = ['-strict', '-dnsserver', dns, '-config', join(folder, 'config.json')]
  const program = await startProgram('pebble', words, [port, management], env)
  const ask = (path: string) => get(`https://127.0.0.1:${management}${path}`, chain)
  return {
    settings: { server: `https://127.0.0.1:${port}/dir`, ca: paths.certificate },
    root: () => ask('/roots/0'),
    status: async (serial) => JSON.parse(await ask(`/cert-status-by-serial/${serial.toLowerCase()}`)).Status,
    ...{ log: program.log, kill: program.kill, start: program.start },
    async remove() {
      await program.kill()
      await rm(folder, { recursive: true })
    },
  }
}

export interface TestNames {
  /** Address and port, for UDP and TCP. */
  readonly address: string
  /** Every name resolves to the loopback; one that was `sent` elsewhere resolves to that address, `null` again to the loopback. */
  send(name: string, address: string | null): Promise<void>
  /** One more TXT record; null takes all of that name away. */
  record(name: string, value: string | null): Promise<void>
  remove(): Promise<void>
}

/** A DNS server that answers whatever it is told to. */
export async function startNames(): Promise<TestNames> {
  const [port, management] = [await freePort(), await freePort()]
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', '']
  const words = [...off, '-dns01', `127.0.0.1:${port}`, '-management', `127.0.0.1:${management}`]
  const program = await startProgram('pebble-challtestsrv', words, [port, management])
  const tell = async (path: string, body: object) => {
    const answer = await fetch(`http://127.0.0.1:${management}${path}`, { method: 'POST', body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  }
  return {
    address: `127.0.0.1:${port}`,
    send: (name, address) =>
      address === null
        ? tell('/clear-a', { host: `${name}.` })
        : tell('/add-a', { host: `${name}.`, addresses: [address] }),
    record: (name, value) =>
      value === null ? tell('/clear-txt', { host: `${name}.` }) : tell('/set-txt', { host: `${name}.`, value }),
    remove: program.kill,
  }
}

async function get(url: string, ca: string): Promise<string> {
  const answer = Promise.withResolvers<string>()
  const asked = request(url, { ca }, (response) => {
    if (response.statusCode === 200) answer.resolve(text(response))
    else answer.reject(new Error(`${url}: ${response.statusCode}`))
  })
  asked.on('error', answer.reject).end()
  return answer.promise
}
