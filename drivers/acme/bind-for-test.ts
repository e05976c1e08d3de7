/** A real BIND with one zone, in which every name leads to the loopback, and which a key may write. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../test/free-port.ts'
import { startProgram } from './program-for-test.ts'

const execute = promisify(execFile)

export interface BindForTest {
  /** Address and port. */
  readonly address: string
  readonly keyName: string
  readonly secret: string
  /** The TXT records of the zone. */
  records(): Promise<string[]>
  /** Leaves this name to a server that nobody runs. */
  delegate(name: string): Promise<void>
  remove(): Promise<void>
}

export async function startBind(zone: string): Promise<BindForTest> {
  // Where AppArmor lets it write.
  const folder = await mkdtemp('/var/cache/bind/megapolos-')
  const port = await freePort()
  const [keyName, secret] = ['megapolos', randomBytes(32).toString('base64')]
  const config = [
    `options { directory "${folder}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no;`,
    '  pid-file none; session-keyfile none; lock-file none; dnssec-validation no; notify no; };',
    'controls { };',
    `key ${keyName} { algorithm hmac-sha256; secret "${secret}"; };`,
    `zone "${zone}" { type primary; file "${folder}/zone"; allow-update { key ${keyName}; };`,
    `  allow-transfer { 127.0.0.1; }; };`,
  ]
  const records = [
    '$TTL 1',
    `@ SOA ns.${zone}. host.${zone}. 1 60 60 60 1`,
    `@ NS ns.${zone}.`,
    'ns A 127.0.0.1',
    '* A 127.0.0.1',
  ]
  await writeFile(join(folder, 'named.conf'), `${config.join('\n')}\n`)
  await writeFile(join(folder, 'zone'), `${records.join('\n')}\n`)
  const program = await startProgram('named', ['-g', '-n', '1', '-c', join(folder, 'named.conf')], [port])
  return {
    ...{ address: `127.0.0.1:${port}`, keyName, secret },
    async records() {
      const { stdout } = await execute('dig', ['@127.0.0.1', '-p', String(port), zone, 'AXFR', '+noall', '+answer'])
      return stdout.split('\n').filter((line) => /\sTXT\s/.test(line))
    },
    async delegate(name) {
      const update = execFile('nsupdate', ['-v'])
      const lines = [`server 127.0.0.1 ${port}`, `key hmac-sha256:${keyName} ${secret}`]
      update.stdin?.end([...lines, `update add ${name}. 1 NS nobody.${zone}.`, 'send', ''].join('\n'))
      await new Promise((resolve) => update.once('close', resolve))
    },
    async remove() {
      await program.kill()
      await rm(folder, { recursive: true })
    },
  }
}
