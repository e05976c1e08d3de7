import { expect, test } from 'vitest'
import type { Actor } from '../domain/access.ts'
import { createSignIn } from './sign-in.ts'

const ann: Actor = { name: 'ann', role: 'deployer', door: 'ssh', from: '203.0.113.7' }

function signInAt(start = 0, outside: string | null = null) {
  const clock = { now: start }
  const came: string[] = []
  const redeemed = ({ name }: Actor) => void came.push(name)
  const tunnel = 'ssh -N -L 9180:localhost:9180 megapolos'
  return {
    clock,
    came,
    signIn: createSignIn({
      ...{ panelPort: 9180, tunnel, redeemed, publicly: () => outside, now: () => clock.now },
    }),
  }
}

const tokenOf = (url: string) => new URL(url).searchParams.get('token') ?? ''

test('a link works once', () => {
  const { signIn, came } = signInAt()
  const token = tokenOf(signIn.invite(ann).url)
  expect(signIn.redeem(token)).toEqual(ann)
  expect(signIn.redeem(token)).toBeNull()
  expect(came).toEqual(['ann'])
})

test('a link works for five minutes', () => {
  const { signIn, clock } = signInAt()
  const token = tokenOf(signIn.invite(ann).url)
  clock.now = 5 * 60_000 + 1
  expect(signIn.redeem(token)).toBeNull()
})

test('a token that was never given out opens nothing', () => {
  expect(signInAt().signIn.redeem('')).toBeNull()
})

test('while the panel has no certificate, whoever is elsewhere gets the way through SSH', () => {
  const { signIn } = signInAt()
  const { tunnel, url } = signIn.invite(ann)
  expect(tunnel).toBe('ssh -N -L 9180:localhost:9180 megapolos')
  expect(new URL(url).hostname).toBe('localhost')
})

test('once it has one, the link leads there', () => {
  const { tunnel, url } = signInAt(0, 'https://panel.example.com').signIn.invite(ann)
  expect([tunnel, new URL(url).origin]).toEqual([null, 'https://panel.example.com'])
})

test.each([null, '127.0.0.1', '::1', '::ffff:127.0.0.1'])('whoever is on the server (%s) needs no tunnel', (from) => {
  expect(signInAt().signIn.invite({ ...ann, from }).tunnel).toBeNull()
})
