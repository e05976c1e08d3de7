import { expect, test } from 'vitest'
import { readSettings } from './settings.ts'

test('without any settings it is the real Let’s Encrypt, by the web', () => {
  expect(readSettings({})).toEqual({
    directory: 'https://acme-v02.api.letsencrypt.org/directory',
    ...{ email: null, ca: null, externalAccount: null, dns: null },
  })
})

test('records are written by a key at a server, or by a webhook; naming either is asking for it', () => {
  const rfc2136 = { dns: 'rfc2136', 'dns-server': 'ns1.example.com', 'tsig-name': 'acme.key' }
  expect(readSettings({ ...rfc2136, 'dns-wait': 10 }).dns).toEqual({
    ...{ by: 'rfc2136', host: 'ns1.example.com', port: 53, wait: 10 },
    ...{ keyName: 'acme.key', algorithm: 'hmac-sha256' },
  })
  expect(readSettings({ ...rfc2136, 'dns-server': '[fd00::1]:5353' }).dns).toMatchObject({
    host: 'fd00::1',
    port: 5353,
  })
  const webhook = { challenge: 'dns', dns: 'webhook', webhook: 'https://dns.example.com/acme' }
  expect(readSettings(webhook).dns).toEqual({ by: 'webhook', url: 'https://dns.example.com/acme', wait: 0 })
  expect(readSettings({ ...webhook, challenge: 'http' }).dns).toBeNull()
})

const tsig = { dns: 'rfc2136', 'dns-server': 'ns1', 'tsig-name': 'k' }

test.each([
  [{ sever: 'letsencrypt' }, 'There is no setting sever.'],
  [{ server: 'http://ca.example.com/dir' }, '“http://ca.example.com/dir” is no ACME server.'],
  [{ server: 'zero' }, '“zero” is no ACME server.'],
  [{ email: 'me' }, '“me” is no address.'],
  [{ email: 'a@b,c@d' }, '“a@b,c@d” is no address.'],
  [{ ca: 'root.pem' }, '“root.pem” is no full path.'],
  [{ challenge: 'tls' }, '“tls” is no challenge.'],
  [{ challenge: 'dns' }, 'challenge=dns needs to know who writes the records.'],
  [{ dns: 'cloud' }, 'challenge=dns needs to know who writes the records.'],
  [{ dns: 'rfc2136', 'tsig-name': 'k' }, 'dns=rfc2136 needs the server that takes updates.'],
  [{ ...tsig, 'dns-server': 'ns1 53\nserver evil' }, 'dns=rfc2136 needs the server that takes updates.'],
  [{ ...tsig, 'dns-server': '-v' }, 'dns=rfc2136 needs the server that takes updates.'],
  [{ ...tsig, 'tsig-name': 'k x\nserver evil' }, 'dns=rfc2136 needs the name of its key.'],
  [{ ...tsig, 'tsig-algorithm': 'hmac-md5' }, '“hmac-md5” is no algorithm of a TSIG key.'],
  [{ ...tsig, 'dns-wait': 'long' }, 'dns-wait is a number of seconds, at most 120.'],
  [{ dns: 'webhook' }, 'dns=webhook needs its URL, by https or on this machine.'],
  [{ dns: 'webhook', webhook: 'http://dns.example.com/' }, 'dns=webhook needs its URL, by https or on this machine.'],
])('%j is refused: %s', (settings, sentence) => {
  expect(() => readSettings(settings as Record<string, string>)).toThrow(
    expect.objectContaining({ code: 'usage', message: sentence }),
  )
})
