import { expect, test } from 'vitest'
import { caaOf } from './issuer.ts'
import { createPreflight } from './preflight.ts'

interface Dns {
  readonly addresses?: Readonly<Record<string, string[]>>
  readonly caa?: Readonly<Record<string, { issue?: string }[]>>
}

/** Of a server at 203.0.113.7. */
function found(host: string, { addresses = {}, caa = {} }: Dns, { httpPort = 80, issuer = 'letsencrypt.org' } = {}) {
  const known =
    <T>(records: Readonly<Record<string, T[]>>) =>
    async (name: string) => {
      const some = records[name]
      if (some) return some
      throw new Error(`ENOTFOUND ${name}`)
    }
  const resolver = { resolve4: known(addresses), resolve6: known({}), resolveCaa: known(caa) }
  const own = () => ['10.0.0.5', '203.0.113.7']
  const parts = { config: { httpPort, address: 'localhost' }, resolver, own } as unknown as Parameters<
    typeof createPreflight
  >[0]
  return createPreflight(parts)(host, { caa: issuer })
}
const here = { addresses: { 'example.com': ['203.0.113.7'], 'www.example.com': ['203.0.113.7'] } }

test('where nothing stands in the way, nothing is said', async () => {
  expect(await found('example.com', here)).toEqual([])
})

test('a name that leads nowhere, or elsewhere, is told with where it should lead', async () => {
  expect(await found('example.com', {})).toEqual(['example.com leads nowhere; in DNS, point it at 203.0.113.7.'])
  expect(await found('example.com', { addresses: { 'example.com': ['198.51.100.1'] } })).toEqual([
    'example.com leads to 198.51.100.1, which is not an address of this server (10.0.0.5, 203.0.113.7).',
  ])
})

test('a proxy that does not have port 80 is told of', async () => {
  expect(await found('example.com', here, { httpPort: 8080 })).toEqual([
    'Issuers ask at port 80, and the proxy listens on 8080; something must hand requests on.',
  ])
})

test('CAA records that do not allow the issuer are told of; the closest name that has some counts', async () => {
  const caa = { 'example.com': [{ issue: 'other.example' }] }
  const no = 'The CAA records of example.com allow other.example, and not letsencrypt.org.'
  expect(await found('www.example.com', { ...here, caa })).toEqual([no])
  const closer = { ...caa, 'www.example.com': [{ issue: 'letsencrypt.org; validationmethods=http-01' }] }
  expect(await found('www.example.com', { ...here, caa: closer })).toEqual([])
  expect(await found('example.com', { ...here, caa: { 'example.com': [{ issue: ';' }] } })).toEqual([
    'The CAA records of example.com allow nobody, and not letsencrypt.org.',
  ])
})

test('of a star only CAA is looked at: it is proven in DNS', async () => {
  expect(await found('*.example.com', {}, { httpPort: 8080 })).toEqual([])
})

test('a DNS server that never answers holds nothing up', async () => {
  const never = () => new Promise<never>(() => {})
  const resolver = { resolve4: never, resolve6: never, resolveCaa: never }
  const preflight = createPreflight({
    ...{ config: { httpPort: 80, address: 'localhost' }, own: () => [], deadline: 20 },
    resolver: resolver as never,
  })
  expect(await preflight('example.com', { caa: null })).toEqual(['DNS does not answer.'])
})

test('issuers are known by their directory', () => {
  const servers = [
    '',
    'staging',
    'https://acme-v02.api.letsencrypt.org/directory',
    'https://acme.zerossl.com/v2/DV90',
    'https://127.0.0.1:14000/dir',
  ]
  expect(servers.map(caaOf)).toEqual(['letsencrypt.org', 'letsencrypt.org', 'letsencrypt.org', 'sectigo.com', null])
})
