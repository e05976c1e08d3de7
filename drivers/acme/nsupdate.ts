/** Records by RFC 2136, with BIND's own `nsupdate`. */
import { UserError } from '../../server/errors.ts'
import type { Rfc2136 } from './settings.ts'
import type { Host, TxtRecord, Writer } from './writer.ts'

/** Seconds that a record may be remembered by whoever asked for it. */
const lifetime = 30

export function updateDns(host: Host, settings: Rfc2136): Writer {
  const server = `${settings.host}:${settings.port}`
  const key = async () => {
    const secret = await host.secrets.get('tsig')
    if (secret !== null && /^[A-Za-z0-9+/]+={0,2}$/.test(secret)) return secret
    const hint = `Give tsig=SECRET on standard input: what stands behind secret in the key ${settings.keyName}`
    throw new UserError('usage', `The TSIG key ${settings.keyName} is missing, or is not base64.`, hint)
  }
  return {
    async check() {
      await key()
      await host.node.packages(['bind9-dnsutils'], () => {})
    },
    async write(action, record, signal) {
      await host.node.packages(['bind9-dnsutils'], () => {})
      // TCP: an answer that gets lost would leave us not knowing. What is secret goes in by standard input.
      const update = await host.node.exec({ command: ['nsupdate', '-v', '-t', '20'], user: 'nobody', signal })
      const ended = update.ended
      ended.catch(() => {})
      update.stdin.on('error', () => {})
      update.stdin.end(
        [
          `server ${settings.host} ${settings.port}`,
          `key ${settings.algorithm}:${settings.keyName} ${await key()}`,
          line(action, record),
          'send',
          '',
        ].join('\n'),
      )
      update.stdout.resume()
      const { code, stderr } = await ended
      signal.throwIfAborted()
      if (code !== 0) throw refused(server, record, stderr.trim())
    },
  }
}

function line(action: 'add' | 'remove', { name, value }: TxtRecord): string {
  return action === 'add' ? `update add ${name}. ${lifetime} TXT "${value}"` : `update delete ${name}. TXT "${value}"`
}

function refused(server: string, { name }: TxtRecord, said: string): UserError {
  const lines = said.split('\n').map((line) => line.replace(/^; /, ''))
  if (/NOTAUTH|BADKEY|BADSIG|BADTIME|tsig/i.test(said)) {
    const hint = 'Look at tsig-name, tsig-algorithm, the secret tsig, and whether both clocks are right'
    return new UserError('refused', `The DNS server ${server} does not take our key for ${name}.`, hint, lines)
  }
  if (/update failed: REFUSED/.test(said)) {
    const hint = `Its zone must let the key do so: update-policy { grant KEY name ${name} TXT; };`
    return new UserError('refused', `The DNS server ${server} does not let our key write ${name}.`, hint, lines)
  }
  // It answers so when it is asked which of its zones a name is in.
  if (/REFUSED|NOTZONE|enclosing zone/.test(said)) {
    return new UserError('refused', `The DNS server ${server} has no zone for ${name}.`, undefined, lines)
  }
  return new UserError('unavailable', `The DNS server ${server} did not take a record: ${lines[0]}.`)
}
