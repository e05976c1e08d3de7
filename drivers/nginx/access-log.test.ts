import { appendFile, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AccessLine } from '../../server/domain/access-line.ts'
import { readAccessLog } from './access-log.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'megapolos-access-'))
  file = join(folder, 'access.log')
})
afterEach(() => rm(folder, { recursive: true }))

const [blog, shop] = ['0a1b2c3d', '4e5f6071']
const line = (app: string, path: string) =>
  `${JSON.stringify({
    ...{ time: '2026-11-26T18:00:00+00:00', app, host: 'blog.example.com', method: 'GET', path, status: '200' },
    ...{ bytes: 5, seconds: 0.012, peer: '203.0.113.7', believed: '', request: 'r1' },
  })}\n`
const lines = (app: string, ...paths: string[]) => paths.map((path) => line(app, path)).join('')

async function paths(num: number, app = blog): Promise<string[]> {
  const signal = new AbortController().signal
  return (await Array.fromAsync(readAccessLog(file, app, { num, follow: false, signal }))).map(({ path }) => path)
}

test('the newest requests of one app are told, oldest first, also those in the file before', async () => {
  expect(await paths(3)).toEqual([])
  await writeFile(`${file}.1`, lines(blog, '/1') + lines(shop, '/x') + lines(blog, '/2'))
  await writeFile(file, lines(blog, '/3') + lines(shop, `/${blog}`) + lines(blog, '/4'))
  expect(await paths(3)).toEqual(['/2', '/3', '/4'])
  expect(await paths(2)).toEqual(['/3', '/4'])
  expect(await paths(9)).toEqual(['/1', '/2', '/3', '/4'])
  expect(await paths(9, shop)).toEqual(['/x', `/${blog}`])
})

test('a line that is half written, or that nobody can read, is none', async () => {
  await writeFile(
    file,
    `${lines(blog, '/1')}{"app":"${blog}","path\n{"app":"${blog}"\n${line(blog, '/2').slice(0, -9)}`,
  )
  expect(await paths(9)).toEqual(['/1'])
})

test('every line is told once, wherever the pieces end in which it is read', async () => {
  const all = Array.from({ length: 20_000 }, (_, n) => `/${'é'.repeat(n % 50)}${n}`)
  await writeFile(file, lines(blog, ...all))
  expect(await paths(20_000)).toEqual(all)
})

test('whoever follows it sees what comes, from the new file as well when nginx has begun one', async () => {
  const following = new AbortController()
  const reading = readAccessLog(file, blog, { num: 1, follow: true, signal: following.signal })
  const next = async () => ((await reading.next()).value as AccessLine).path
  await writeFile(file, lines(blog, '/1', '/2'))
  expect(await next()).toBe('/2')
  const half = line(blog, '/3')
  await appendFile(file, half.slice(0, 20))
  const third = next()
  await appendFile(file, half.slice(20) + lines(shop, '/x'))
  expect(await third).toBe('/3')

  await appendFile(file, lines(blog, '/4'))
  await rename(file, `${file}.1`)
  await writeFile(file, lines(blog, '/5'))
  expect([await next(), await next()]).toEqual(['/4', '/5'])

  following.abort()
  expect((await reading.next()).done).toBe(true)
})

test('a hundred megabytes of other apps take a moment and no memory', async () => {
  const noise = Buffer.from(lines(shop, ...Array.from({ length: 4000 }, (_, n) => `/${n}`)))
  const out = await open(file, 'w')
  await out.write(line(blog, '/first'))
  for (let size = 0; size < 100e6; size += noise.length) await out.write(noise)
  await out.close()
  const before = process.memoryUsage.rss()
  const began = performance.now()
  expect(await paths(100)).toEqual(['/first'])
  expect(performance.now() - began).toBeLessThan(10_000)
  // Read whole it takes twice its size; of what is read in pieces some tens of megabytes may not be collected yet.
  expect(process.memoryUsage.rss() - before).toBeLessThan(150e6)
})
