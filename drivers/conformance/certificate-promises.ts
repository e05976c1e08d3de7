/** What every issuer of certificates must do: anyone can prove it, without a test runner. */
import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import type { CertificateUnderTest, IssuerUnderTest } from './certificate-under-test.ts'
import {
  assertServes,
  certificatesOf,
  freshName,
  heartOf,
  issued,
  leafOf,
  namesOf,
  never,
  watched,
  within,
} from './certificate-world.ts'
import type { Promises } from './promises.ts'

/** Milliseconds for an answer to what needs no work. */
const soon = 15_000

export const certificatePromises: Promises<CertificateUnderTest> = {
  'settings that lead to an issuer are found good, twice too': async ({ driver }) => {
    await driver.check(never)
    await driver.check(never)
  },

  'a certificate is for the names that were asked for, all of them and no others': async (it) => {
    for (const names of [[freshName()], [freshName(), freshName(), `www.${freshName()}`]]) {
      assert.deepEqual(namesOf(await issued(it, names)), [...names].sort())
    }
  },

  'a client that trusts the root takes it under each of its names, and under no other': async (it) => {
    const names = [freshName(), freshName()]
    const made = await issued(it, names)
    const trust = await it.trust(made)
    for (const name of names) await assertServes(made, trust, name)
    await assert.rejects(assertServes(made, trust, freshName()), /does not take it/)
  },

  'a wildcard is for all names below it, or is refused with the reason': async (it) => {
    const name = freshName()
    const names = [`*.${name}`, name]
    if (!it.wildcards) {
      await assert.rejects(it.driver.challenges(names), { code: 'usage', message: new RegExp(`\\*\\.${name}`) })
      await assert.rejects(issued(it, names), { code: 'usage' })
      return
    }
    const made = await issued(it, names)
    assert.deepEqual(namesOf(made), [...names].sort())
    for (const host of [`a.${name}`, name]) await assertServes(made, await it.trust(made), host)
  },

  'each key is a new one, on P-256, and the one that the certificate is for': async (it) => {
    const name = freshName()
    const [first, second] = [await issued(it, [name]), await issued(it, [name])]
    assert.notEqual(first.key, second.key)
    for (const made of [first, second]) {
      const { publicKey } = leafOf(made)
      assert.equal(publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
      assert.ok(leafOf(made).checkPrivateKey(createPrivateKey(made.key)))
    }
  },

  'the leaf comes first, each is signed by the next one, and the root is left out': async (it) => {
    const chain = certificatesOf((await issued(it, [freshName()])).chain)
    for (const [n, certificate] of chain.entries()) {
      const next = chain[n + 1]
      if (next !== undefined) assert.ok(certificate.checkIssued(next), `number ${n} is not signed by the next one`)
      if (n > 0) assert.ok(!certificate.checkIssued(certificate), `number ${n} signs itself`)
    }
  },

  'it is good now, and for longer than a day': async (it) => {
    const leaf = leafOf(await issued(it, [freshName()]))
    assert.ok(Date.parse(leaf.validFrom) <= Date.now(), 'it is not good yet')
    assert.ok(Date.parse(leaf.validTo) > Date.now() + 86_400_000, 'it ends within a day')
  },

  'certificates that are issued at the same time do not mix': async (it) => {
    const leavesNothing = await watched(it)
    const names = Array.from({ length: 4 }, freshName)
    const made = await Promise.all(names.map((name) => issued(it, [name])))
    for (const [n, one] of made.entries()) {
      assert.deepEqual(namesOf(one), [names[n]])
      await assertServes(one, await it.trust(one), names[n] ?? '')
    }
    await leavesNothing()
  },

  'nothing that proved a name can be seen once the certificate is there': async (it) => {
    const leavesNothing = await watched(it)
    await issued(it, [freshName(), freshName()])
    await leavesNothing()
  },

  'what is no name of a host is refused, and nothing is shown for it': async (it) => {
    const leavesNothing = await watched(it)
    for (const name of [
      '',
      'a b.example.com',
      'x.example.com\nserver evil',
      'a..example.com',
      '*.*.example.com',
      'ä.example.com',
    ]) {
      await assert.rejects(it.driver.challenges([name]), { code: 'usage' }, JSON.stringify(name))
      await assert.rejects(issued(it, [freshName(), name]), { code: 'usage' }, JSON.stringify(name))
    }
    await assert.rejects(it.driver.challenges([]), { code: 'usage' })
    await leavesNothing()
  },

  'cancelled at any of its steps it ends at once, with the reason, and leaves nothing shown': async (it) => {
    const leavesNothing = await watched(it)
    const cancelledAt = async (step: number) => {
      const [cancel, name] = [new AbortController(), freshName()]
      let steps = 0
      const progress = () => {
        steps += 1
        if (steps === step) cancel.abort(new Error('cancelled by hand'))
      }
      if (step === 0) cancel.abort(new Error('cancelled by hand'))
      const work = within(soon, it.driver.issue([name], it.answers, progress, cancel.signal))
      const outcome = await work.then(
        () => 'issued',
        (error) => String(error.message),
      )
      await leavesNothing()
      if (cancel.signal.aborted) assert.match(outcome, /cancelled by hand/, `step ${step}: ${outcome}`)
      else assert.equal(outcome, 'issued')
      return cancel.signal.aborted
    }
    let step = 0
    while (await cancelledAt(step)) step += 1
    assert.ok(step > 1, 'it tells nothing of what it does')
  },

  'a window for the renewal, if there is one, lies within its life': async (it) => {
    const { chain } = await issued(it, [freshName()])
    const window = await it.driver.renewal(chain, never)
    if (window === null) return
    const [leaf] = certificatesOf(chain)
    assert.ok(Date.parse(window.from) <= Date.parse(window.until))
    assert.ok(Date.parse(leaf?.validFrom ?? '') < Date.parse(window.from))
    assert.ok(Date.parse(window.until) <= Date.parse(leaf?.validTo ?? ''))
  },

  'one that was revoked can be revoked again': async (it) => {
    const made = await issued(it, [freshName()])
    await it.driver.revoke(made, never)
    await it.driver.revoke(made, never)
  },

  'no key and no secret is in what it tells, in the log, or in the words of a program': async (it) => {
    const lines: string[] = []
    await it.driver.check(never)
    const made = await it.driver.issue([freshName()], it.answers, (line) => lines.push(line), never)
    await it.driver.revoke(made, never)
    const read = `${lines.join('\n')}\n${it.written()}`
    for (const secret of [heartOf(made.key), ...(await it.secrets())]) {
      assert.ok(secret.length > 8, 'there is no secret to look for')
      assert.ok(!read.includes(secret), 'a secret can be read')
    }
  },
}

/** Of those that ask somebody else. */
export const issuerPromises: Promises<IssuerUnderTest> = {
  'a name that cannot be proven is refused by its name, the others are not blamed, and nothing stays shown': async (
    it,
  ) => {
    const leavesNothing = await watched(it)
    const [wrong, right] = [freshName(), freshName()]
    await it.issuer.mislead(wrong)
    const failure = await issued(it, [right, wrong]).catch((error) => error)
    assert.equal(failure.code, 'refused', String(failure.stack))
    assert.ok(failure.message.includes(wrong), failure.message)
    assert.ok(!failure.message.includes(right), failure.message)
    assert.ok(failure.message.length > wrong.length + 30, 'it does not say why')
    await leavesNothing()
  },

  'the issuer knows what was revoked, and nothing else': async (it) => {
    const [kept, revoked] = [await issued(it, [freshName()]), await issued(it, [freshName()])]
    await it.driver.revoke(revoked, never)
    assert.equal(await it.issuer.revoked(revoked), true)
    assert.equal(await it.issuer.revoked(kept), false)
  },

  'an issuer that is down is named in seconds, and serves again when it is back, even with nothing remembered': async (
    it,
  ) => {
    const leavesNothing = await watched(it)
    await issued(it, [freshName()])
    await it.issuer.kill()
    try {
      for (const work of [() => issued(it, [freshName()]), () => it.driver.check(never)]) {
        await assert.rejects(within<unknown>(soon, work()), {
          code: 'unavailable',
          message: /127\.0\.0\.1.* does not answer/,
        })
      }
      await leavesNothing()
    } finally {
      await it.issuer.start()
    }
    await issued(it, [freshName()])
  },

  'an issuer that dies in the middle is named, and nothing stays shown': async (it) => {
    const leavesNothing = await watched(it)
    let died = Promise.resolve()
    const progress = (line: string) => {
      if (line.startsWith('Proving')) died = it.issuer.kill()
    }
    try {
      const work = it.driver.issue([freshName()], it.answers, progress, never)
      await assert.rejects(within(soon, work), { code: 'unavailable' })
      await leavesNothing()
    } finally {
      await died
      await it.issuer.start()
    }
  },
}
