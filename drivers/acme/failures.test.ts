/** What a person is told when the CA does not do as it should. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AskLater, type Issued } from '../../server/devices/classes/certificate.ts'
import { freshName, never } from '../conformance/certificate-world.ts'
import { type AcmeByWeb, acmeByWeb } from './acme-for-test.ts'
import { type Front, startFront } from './front-for-test.ts'
import { createDriver } from './index.ts'
import { openLine } from './line.ts'

let it: AcmeByWeb
let front: Front

beforeAll(async () => {
  it = await acmeByWeb()
  front = await startFront(it.pebble)
})
afterAll(async () => {
  await front?.remove()
  await it?.remove()
})

const driverAt = (settings: Readonly<Record<string, string>>) =>
  createDriver({ ...it.host, settings: { ...it.host.settings, ...settings } })
const issueAt = (settings: Readonly<Record<string, string>> = front.settings): Promise<Issued> =>
  driverAt(settings).issue([freshName()], it.answers, () => {}, never)
const problem = (type: string, detail: string, more: object = {}) => ({
  type: `urn:ietf:params:acme:error:${type}`,
  detail,
  ...more,
})

test.each([
  ['seconds', () => '7200', 7_200_000],
  ['a date', () => new Date(Date.now() + 3_600_000).toUTCString(), 3_600_000],
  ['nothing', () => null, 3_600_000],
])('a rate limit says when to come again, told in %s', async (_, after, milliseconds) => {
  const headers: Record<string, string> = {}
  const said = after()
  if (said !== null) headers['retry-after'] = said
  const body = problem('rateLimited', 'too many certificates already issued for example.com')
  front.answer('/order-plz', { status: 429, headers, body })
  const failure = await issueAt().catch((error) => error)
  front.answer('/order-plz', null)
  expect(failure).toBeInstanceOf(AskLater)
  expect(failure.message).toContain('wants to be asked later: too many certificates already issued for example.com')
  expect(Math.abs(Date.parse(failure.at) - Date.now() - milliseconds)).toBeLessThan(60_000)
  expect(await it.proofs()).toEqual([])
})

test('what stands below a refusal is told name by name', async () => {
  const subproblems = [{ identifier: { value: 'a.example.com' }, ...problem('caa', 'CAA forbids it') }]
  front.answer('/order-plz', { status: 403, body: problem('caa', 'policy forbids', { subproblems }) })
  await expect(issueAt()).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringMatching(/^The CA at 127.0.0.1:\d+ refuses: policy forbids$/),
    hint: 'The CAA records of the domain must name this CA, or there must be none',
    detail: ['a.example.com: CAA forbids it'],
  })
  front.answer('/order-plz', null)
})

test.each([
  [{ status: 500, body: problem('serverInternal', 'it hurts') }, 'has a fault of its own: it hurts'],
  [{ status: 502, body: '<html>Bad Gateway</html>' }, 'has a fault of its own: it answers 502'],
  [
    { status: 503, headers: { 'retry-after': '60' }, body: problem('x', 'repairs') },
    'wants to be asked later: repairs',
  ],
  [{ body: '<html>Welcome to our hotel</html>' }, 'does not speak ACME as it should'],
  [{ body: {} }, 'does not speak ACME as it should: Unable to locate API resource URL'],
])('an answer that makes no sense is the fault of the CA: %j', async (own, sentence) => {
  front.answer('/dir', own)
  await expect(issueAt()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining(sentence) })
  front.answer('/dir', null)
  expect(await it.proofs()).toEqual([])
})

test('a CA that says nothing is given up after a while, or when nobody waits any more', async () => {
  front.answer('/dir', {})
  const line = await openLine(front.settings.ca, never, 200)
  await expect(line.send('GET', front.settings.server)).rejects.toThrow('does not answer: it said nothing in 0.2 s')
  line.close()
  const cancel = new AbortController()
  const check = driverAt(front.settings).check(cancel.signal)
  cancel.abort(new Error('cancelled by hand'))
  await expect(check).rejects.toThrow('cancelled by hand')
  front.answer('/dir', null)
})

test('a CA that is not trusted is not spoken to, and the setting for one of the own is named', async () => {
  const { ca } = it.host.settings
  await expect(issueAt({ ...front.settings, ca: String(ca) })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/^Who answers as 127.0.0.1:\d+ is not trusted: self-signed certificate\.$/),
    hint: expect.stringContaining('ca=/etc/ssl/our-root.pem'),
  })
  const none = join(it.host.folder, 'none.pem')
  await expect(issueAt({ ca: none })).rejects.toThrow('The root that the CA is trusted by cannot be read')
  await writeFile(none, 'hello')
  await expect(issueAt({ ca: none })).rejects.toThrow('There is no certificate in')
})

test('what is no directory is found out before anything else', async () => {
  front.answer('/other', { body: { hello: 'world' } })
  const server = front.settings.server.replace('/dir', '/other')
  await expect(driverAt({ ...front.settings, server }).check(never)).rejects.toMatchObject({
    code: 'usage',
    message: `${server} is no directory of an ACME server.`,
  })
})

test('an address that the CA does not take is refused in its words', async () => {
  const driver = driverAt(front.settings)
  await driver.check(never)
  front.answer('/my-account', { status: 400, body: problem('invalidContact', 'example.com takes no mail') })
  await expect(driver.check(never)).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining('refuses: example.com takes no mail'),
  })
  front.answer('/my-account', null)
})

test('the reason of a proof that failed is the own one of the CA, and says what to look at', async () => {
  const [elsewhere, wrong] = [freshName(), freshName()]
  await it.issuer.mislead(elsewhere)
  await expect(it.driver.issue([elsewhere], it.answers, () => {}, never)).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringMatching(new RegExp(`^${elsewhere} could not be proven: .*(refused|Get)`, 's')),
    hint: `${elsewhere} must lead to port 80 of this server, at each address that it has`,
  })
  const answers = { ...it.answers, show: (token: string) => it.answers.show(token, 'something else') }
  await expect(it.driver.issue([wrong], answers, () => {}, never)).rejects.toThrow(
    /could not be proven: .*something else/,
  )
  const two = [freshName(), freshName()].sort()
  for (const name of two) await it.issuer.mislead(name)
  await expect(it.driver.issue(two, it.answers, () => {}, never)).rejects.toMatchObject({
    message: `${two.join(', ')} could not be proven.`,
    detail: two.map((name) => expect.stringContaining(`${name} could not be proven: `)),
  })
})

test('a name that the CA does not sign on principle is refused in its words', async () => {
  const asked = it.driver.issue(['blocked.example.com'], it.answers, () => {}, never)
  await expect(asked).rejects.toThrow('issuance is forbidden by policy: "blocked.example.com"')
})
