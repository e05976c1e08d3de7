/** The suite of its class sees drivers that are wrong in one way, and an nginx that is wrong in one line. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { proxyMutantsAreCaught } from '../conformance/proxy.ts'
import { until } from '../conformance/proxy-apps.ts'
import { proxyPromises } from '../conformance/proxy-promises.ts'
import { promised } from '../conformance/suite.ts'
import { makeNginx, type Nginx } from './nginx-for-test.ts'

proxyMutantsAreCaught('nginx', makeNginx)

interface WrongLine {
  readonly breaks: string
  readonly sees: string
  readonly file: 'nginx.conf' | `lua/${string}.lua`
  readonly right: string
  readonly wrong: string
}

const lines: Readonly<Record<string, WrongLine>> = {
  'a request that has ended is in flight for ever': {
    breaks: 'an app that breaks off counts no longer: before an answer, in its head, in its body',
    sees: 'it did not come true',
    file: 'lua/inflight.lua',
    right: 'cleanup.handler, cleanup.data = unlock, here + column',
    wrong: '',
  },
  'a try that failed is in flight for ever': {
    breaks: 'nothing is in flight after a try that failed at one target and one that did not at the next',
    sees: 'it did not come true',
    file: 'lua/inflight.lua',
    right: 'unlock(cleanup.data)',
    wrong: '',
  },
  'a killed proxy comes back without a table': {
    breaks: 'killed, it serves the last table within 2 s of its next start, without the kernel',
    sees: 'it did not come true',
    file: 'lua/start.lua',
    right: 'return boot == this_boot and text or nil',
    wrong: 'return nil',
  },
  'one of its processes keeps the table that it has': {
    breaks: 'a host that is taken away, or has nothing left, says so from the next request on, wherever it lands',
    sees: 'deep-equal',
    file: 'lua/routes.lua',
    right: 'if wanted == version then return true end',
    wrong: 'if version > 0 then return true end',
  },
  'requests of a route that is held wait for no longer than a look': {
    breaks: 'a route that is held lets what is being answered go on, and counts it',
    sees: 'fresh',
    file: 'lua/phases.lua',
    right: 'while route and route.held',
    wrong: 'if route and route.held then ngx.sleep(pause) end while false',
  },
  'what a client says of itself reaches the app': {
    breaks: 'the app is told who asked, under which name and how; a client cannot make it up',
    sees: '6.6.6.6',
    file: 'nginx.conf',
    right: 'proxy_set_header X-Real-IP "";',
    wrong: '',
  },
  'all requests of a connection have one name': {
    breaks: 'a request has a name: the one that it came with, or one that no other has',
    sees: 'two requests have one name',
    file: 'lua/phases.lua',
    right: 'return prefix .. bytes[low]',
    wrong: 'return prefix',
  },
  'events wait for the last one': {
    breaks: 'server-sent events arrive when they are sent',
    sees: 'did not end within',
    file: 'nginx.conf',
    right: 'proxy_buffering off;',
    wrong: 'body_filter_by_lua_block { if not ngx.arg[2] then ngx.arg[1] = nil end }',
  },
  'a name without a certificate is shown that of another': {
    breaks: 'a name is shown its own certificate, else that of its wildcard; a name without one gets no handshake',
    sees: 'Missing expected rejection',
    file: 'lua/certificates.lua',
    right: 'if not certificate then return',
    wrong: "certificate = certificate or certificate_of 'x.example.com' if not certificate then return",
  },
  'a key that does not belong to its certificate is taken': {
    breaks: 'a certificate that cannot be used refuses the table, naming its host, and what was there stays',
    sees: 'Missing expected rejection',
    file: 'lua/certificates.lua',
    right: 'if not fits then',
    wrong: 'if false then',
  },
  'parts stay for ever': {
    breaks: 'a part is asked for when it is new, and forgotten when no table points to it',
    sees: 'deep-equal',
    file: 'lua/parts.lua',
    right: 'if not wanted[key] then',
    wrong: 'if false then',
  },
  'a password that was right once is right for ever': {
    breaks: 'an app with users answers to those who know a password, and at once when it has been given before',
    sees: '401',
    file: 'lua/passwords.lua',
    right: "return '@login'\nend",
    wrong: 'return nil\nend',
  },
  'who guesses has all the time of the server': {
    breaks: 'who guesses passwords of one app is told to slow down, and those of others log in meanwhile',
    sees: '429',
    file: 'lua/passwords.lua',
    right: 'return of.count <= most_a_second',
    wrong: 'return true',
  },
  'a path leads its neighbours along': {
    breaks: 'the longest path wins, up to a slash; the app gets the whole path',
    sees: '/apis',
    file: 'lua/routes.lua',
    right: 'and (#path == length or byte(path, length + 1) == 47)',
    wrong: '',
  },
  'a body without a length is not measured': {
    breaks: 'a body may be as large as its app says and not a byte larger: of known length, in chunks, with events',
    sees: '413',
    file: 'lua/phases.lua',
    right: "then return give_up 'large' end",
    wrong: 'then end',
  },
  'what a client says of other clients is believed': {
    breaks: 'a proxy that is trusted is believed who the client is, and how it asked; what stands before that is not',
    sees: '198.51.100.1',
    file: 'lua/networks.lua',
    right: 'if not networks.contain(parsed, client) then return client end',
    wrong: '',
  },
  'apps reach the hosts of the public inside': {
    breaks: 'an app that others may ask by name answers those, 403 to others, and is not there for the public',
    sees: '403',
    file: 'lua/routes.lua',
    right: 'local hosts = decoded and decoded[side]',
    wrong: 'local hosts = decoded and decoded[side] if hosts and not hosts[name] then hosts = decoded.hosts end',
  },
  'the errors of an app are replaced': {
    breaks: 'an error that the app answers itself reaches the client as it is',
    sees: 'its own words',
    file: 'nginx.conf',
    right: 'proxy_http_version 1.1;',
    wrong: 'proxy_http_version 1.1; proxy_intercept_errors on;',
  },
}

describe('an nginx that is wrong in one line is caught', () => {
  test.each(Object.entries(lines))('%s', async (_, line) => {
    const nginx = await makeNginx()
    try {
      await nginx.driver.install()
      await spoil(nginx, line)
      await nginx.start()
      await until(async () => (await nginx.driver.status()).running)
      await expect(promised(proxyPromises, line.breaks)({ ...nginx, patience: 2 })).rejects.toThrow(line.sees)
    } finally {
      await nginx.remove()
    }
  })
})

/** In what was installed, not in what is shipped. */
async function spoil({ paths }: Nginx, { file, right, wrong }: WrongLine): Promise<void> {
  const path = join(paths.folder, file)
  const text = await readFile(path, 'utf8')
  if (!text.includes(right)) throw new Error(`${file} has no "${right}" any more: this mutant proves nothing`)
  await writeFile(path, text.replaceAll(right, wrong))
}
