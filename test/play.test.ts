import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeHome, type Person, person } from './person.ts'
import { play } from './play.ts'
import { parseScript } from './script.ts'

describe('play', () => {
  let home: string
  let tester: Person
  let server: Server
  let httpPort: number

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'megapolos-home-'))
    server = createServer((request, response) => {
      if (request.url === '/lost') return request.socket.destroy()
      if (request.method === 'POST') return request.pipe(response)
      return response.end(`${request.headers.host}\n`)
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    httpPort = (server.address() as AddressInfo).port
    await makeHome(home, 'nobody', 9)
    tester = await person(home, { httpPort, httpsPort: 9, label: '' })
  })

  afterEach(async () => {
    await tester.leave()
    await rm(home, { recursive: true })
    server.closeAllConnections()
    server.close()
  })

  const playing = (text: string) => play(parseScript(text), tester, httpPort)

  test('what is typed really runs, in the folder it was typed in', async () => {
    await playing(`# it runs
$ example static page
$ git log --format=%an:%s
== Tester:Add static
$ sed -i 's/a page/home/' index.html
$ git diff --stat
 index.html | 2 +-
! git push megapolos main
…Connection refused
$ ls > files
$ cat < files
index.html
$ cd ..
$ ls
apps
page
`)
  })

  test('curl asks the test system as if it stood on port 80', async () => {
    await playing('# it asks\n$ curl http://blog.localhost/\n== blog.localhost\n')
  })

  test('a missing line fails, showing all that was typed and said, and what was not', async () => {
    const said = await playing('# no\n$ echo one\none\n$ echo two\nthree\n$ echo four\n').catch(String)
    expect(said).toContain('line 4: a line is missing')
    expect(said).toContain('$ echo one\n  one\n$ echo two\n  two\n- three\n')
    expect(said).not.toContain('four')
  })

  test('an unwanted exit code fails, either way', async () => {
    await expect(playing('# no\n$ false\n')).rejects.toThrow('exit code 1, it had to end well')
    await expect(playing('# no\n! true\n')).rejects.toThrow('exit code 0, it had to end badly')
    await expect(playing('# no\n!2 false\n')).rejects.toThrow('exit code 1, it had to end with 2')
    await expect(playing('# no\n$ no-such-program\n')).rejects.toThrow('exit code 127')
  })

  test('what was remembered and has changed fails, naming it', async () => {
    await playing('# same\n$ remember ls\n$ unchanged\n')
    await expect(playing('# no\n$ remember ls\n$ ls > new\n$ unchanged\n')).rejects.toThrow('ls\n  said:\n  apps')
  })

  test('one lost request fails a load, and 0 lost ones show what was answered', async () => {
    await playing(
      '# ok\n$ load start http://blog.localhost/\n$ sleep 0.2\n$ load stop\nblog.localhost\n… requests, 0 failed\n',
    )
    const lost = playing('# no\n$ load start http://blog.localhost/lost\n$ sleep 0.1\n$ load stop\n')
    await expect(lost).rejects.toThrow('GET socket hang up')
  })

  test('waiting ends when the line is there, and fails at its deadline', async () => {
    await playing('# soon\n$ wait-for 5 date +%S%N\n…1…\n')
    await expect(playing('# never\n$ wait-for 0.3 echo one\ntwo\n')).rejects.toThrow('- two')
  })
})
