/** What a script of openssl calls finds of TLS: no old protocol, no weak cipher, a chain that is complete. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../test/free-port.ts'
import { until } from '../conformance/proxy-apps.ts'
import { partOf, partsOf } from '../conformance/proxy-certificates.ts'
import { makeNginx, type Nginx } from './nginx-for-test.ts'

const good = (kind: 'ECDSA' | 'RSA') =>
  ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'].map((cipher) => `ECDHE-${kind}-${cipher}`)

let folder: string
let nginx: Nginx

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tls-scan-'))
  nginx = await makeNginx()
  await nginx.driver.install()
  await nginx.start()
  await until(async () => (await nginx.driver.status()).running)
  await makeAuthority()
  const [ecdsa, rsa] = [
    await issue('ecdsa.test', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']),
    await issue('rsa.test', ['rsa:2048']),
  ]
  const host = (certificate: string) => ({ app: 'a', targets: [], certificate })
  await nginx.driver.apply(
    { hosts: { 'ecdsa.test': host(ecdsa.id), 'rsa.test': host(rsa.id) } },
    partsOf(ecdsa, rsa).parts,
  )
}, 60_000)

afterAll(async () => {
  await nginx?.remove()
  await rm(folder, { recursive: true })
})

describe('the scan itself', () => {
  test('sees a server that takes old protocols and weak ciphers', async () => {
    const port = await freePort()
    const files = ['-cert', join(folder, 'rsa.test.crt'), '-key', join(folder, 'rsa.test.key')]
    const weak = ['-cipher', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0', '-min_protocol', 'TLSv1', '-client_renegotiation']
    const server = spawn('openssl', ['s_server', '-accept', `127.0.0.1:${port}`, '-quiet', ...files, ...weak], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    try {
      await until(async () => (await handshake('rsa.test', ['-tls1_2'], port)).ok)
      for (const protocol of ['-tls1', '-tls1_1']) expect((await handshake('rsa.test', [protocol], port)).ok).toBe(true)
      expect(await accepted('rsa.test', port)).toEqual(
        expect.arrayContaining(['AES128-SHA', 'NULL-SHA256', 'ADH-AES128-SHA']),
      )
      expect((await renegotiate('rsa.test', port)).refused).toBe(false)
    } finally {
      server.kill('SIGKILL')
      await once(server, 'exit')
    }
  }, 60_000)
})

describe.each([
  ['ecdsa.test', 'ECDSA'],
  ['rsa.test', 'RSA'],
] as const)('%s', (name, kind) => {
  test('TLS 1.2 and 1.3 are spoken, and nothing older', async () => {
    for (const protocol of ['-tls1_2', '-tls1_3']) expect((await handshake(name, [protocol])).ok).toBe(true)
    for (const protocol of ['-tls1', '-tls1_1']) expect((await handshake(name, [protocol])).ok).toBe(false)
    expect(await answerTo(name, '0303')).toBe('handshake')
    expect(await answerTo(name, '0300')).toBe('alert')
  })

  test('with TLS 1.2 only ciphers with forward secrecy and authentication of every byte are agreed on', async () => {
    expect((await accepted(name)).sort()).toEqual(good(kind).sort())
  }, 60_000)

  test('nothing is compressed, and nobody negotiates anew', async () => {
    expect((await handshake(name, ['-tls1_2', '-comp'])).said).toContain('Compression: NONE')
    expect((await renegotiate(name)).refused).toBe(true)
  })

  test('the chain leads to the root, which is not in it', async () => {
    const { ok, said } = await handshake(name, ['-showcerts', '-verify_return_error', '-verify_hostname', name])
    expect(ok).toBe(true)
    expect(said).toContain('Verify return code: 0 (ok)')
    expect(said.split('-----BEGIN CERTIFICATE-----').length - 1).toBe(2)
  })
})

/** Ciphers of TLS 1.2 and older that the server takes, each offered alone. */
async function accepted(name: string, port = nginx.tlsPort): Promise<string[]> {
  const all = (await openssl(['ciphers', '-tls1_2', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'])).said.trim().split(':')
  const old = all.filter((cipher) => !cipher.startsWith('TLS_'))
  expect(old.length).toBeGreaterThan(100)
  const taken: string[] = []
  const next = old.values()
  const work = async () => {
    for (const cipher of next) {
      if ((await handshake(name, ['-tls1_2', '-cipher', `${cipher}:@SECLEVEL=0`], port)).ok) taken.push(cipher)
    }
  }
  await Promise.all([work(), work(), work(), work()])
  return taken
}

/** `-tls1` and the like are refused by our own side unless the level says that we mean it. */
async function handshake(
  name: string,
  words: readonly string[],
  port = nginx.tlsPort,
): Promise<{ ok: boolean; said: string }> {
  const level = words.includes('-cipher') ? [] : ['-cipher', 'DEFAULT:@SECLEVEL=0']
  const to = ['-connect', `127.0.0.1:${port}`, '-servername', name, '-CAfile', join(folder, 'root.crt')]
  return openssl(['s_client', ...to, ...level, ...words])
}

async function renegotiate(name: string, port = nginx.tlsPort): Promise<{ refused: boolean }> {
  const to = ['-connect', `127.0.0.1:${port}`, '-servername', name, '-tls1_2']
  const { said } = await openssl(['s_client', ...to], 'R\n')
  expect(said).toContain('RENEGOTIATING')
  return { refused: /no renegotiation|handshake failure/.test(said) }
}

async function openssl(words: readonly string[], input = ''): Promise<{ ok: boolean; said: string }> {
  const child = spawn('openssl', words, { stdio: 'pipe' })
  child.stdin.on('error', () => {}).end(input)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { ok: code === 0, said: out + err }
}

/** A hello by hand: OpenSSL cannot say one in SSL 3.0 any more. */
async function answerTo(name: string, version: string): Promise<string> {
  const hex = (digits: string) => Buffer.from(digits, 'hex')
  const part = (bytes: number, ...content: Buffer[]) => {
    const all = Buffer.concat(content)
    const length = Buffer.alloc(bytes)
    length.writeUIntBE(all.length, 0, bytes)
    return Buffer.concat([length, all])
  }
  const sni = Buffer.concat([hex('0000'), part(2, part(2, hex('00'), part(2, Buffer.from(name))))])
  const [groups, signatures] = [hex('000a000400020017'), hex('000d0006000404030804')]
  const extensions = part(2, sni, groups, signatures)
  const ciphers = part(2, hex('c02bc02f002f000a0005'))
  const hello = Buffer.concat([hex(version), Buffer.alloc(32, 7), hex('00'), ciphers, hex('0100'), extensions])
  const socket = connect(nginx.tlsPort, '127.0.0.1')
  socket.write(Buffer.concat([hex('160300'), part(2, hex('01'), part(3, hello))]))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return { 21: 'alert', 22: 'handshake' }[answer[0] ?? 0] ?? `record ${answer[0]}`
}

async function makeAuthority(): Promise<void> {
  const authority = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  for (const [name, signed] of [
    ['root', []],
    ['intermediate', ['-CA', join(folder, 'root.crt'), '-CAkey', join(folder, 'root.key')]],
  ] as const) {
    const files = ['-subj', `/CN=${name}`, '-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)]
    expect(await openssl(['req', '-x509', ...key, ...authority, '-days', '30', ...signed, ...files])).toMatchObject({
      ok: true,
    })
  }
}

/** By the intermediate authority; the part is leaf, intermediate and key. */
async function issue(name: string, kind: readonly string[]) {
  const [key, leaf] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)]
  const by = ['-CA', join(folder, 'intermediate.crt'), '-CAkey', join(folder, 'intermediate.key')]
  const names = [
    '-subj',
    `/CN=${name}`,
    '-addext',
    `subjectAltName=DNS:${name}`,
    '-addext',
    'basicConstraints=CA:FALSE',
  ]
  const files = ['-days', '30', '-keyout', key, '-out', leaf]
  expect(await openssl(['req', '-x509', '-newkey', ...kind, '-nodes', ...names, ...by, ...files])).toMatchObject({
    ok: true,
  })
  const texts = [leaf, join(folder, 'intermediate.crt'), key].map((file) => readFile(file, 'utf8'))
  return partOf((await Promise.all(texts)).join(''))
}
