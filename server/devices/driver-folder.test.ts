import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { digestOf, readFolder, tidyFolders, writeFolder } from './driver-folder.ts'

let parent: string
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'megapolos-folder-'))
})
afterEach(() => rm(parent, { recursive: true, force: true }))

const file = (path: string, text: string, executable = false) => ({ path, bytes: Buffer.from(text), executable })

test('what is written is read again, whole, and for everybody to read', async () => {
  const files = [file('driver.json', '{}'), file('lib/a.py', 'pass'), file('run', '#!/bin/sh', true)]
  await writeFolder(files, join(parent, 'cache'))
  expect(await readFolder(join(parent, 'cache'))).toEqual(files)
  expect((await stat(join(parent, 'cache/lib'))).mode & 0o777).toBe(0o755)
  expect((await stat(join(parent, 'cache/run'))).mode & 0o777).toBe(0o755)
})

test('the digest changes with every name, byte and mode, and with nothing else', () => {
  const one = digestOf([file('a', 'bc')])
  expect(digestOf([file('a', 'bc')])).toBe(one)
  const others = [[file('a', 'bd')], [file('ab', 'c')], [file('a', 'bc', true)], [file('a', 'bc'), file('d', '')], []]
  expect(new Set([one, ...others.map(digestOf)]).size).toBe(6)
})

test('a folder whose content is refused leaves the old one and nothing beside it', async () => {
  await writeFolder([file('driver.json', 'old')], join(parent, 'cache'))
  const refuse = async () => {
    throw new Error('no')
  }
  await expect(writeFolder([file('driver.json', 'new')], join(parent, 'cache'), refuse)).rejects.toThrow('no')
  expect(await readdir(parent)).toEqual(['cache'])
  expect(await readFile(join(parent, 'cache/driver.json'), 'utf8')).toBe('old')
})

test('after a kill at any step of the exchange there is the old driver or the new one', async () => {
  for (const name of ['.new-1', '.old-cache', '.old-shop', 'shop']) {
    await mkdir(join(parent, name))
    await writeFile(join(parent, name, 'driver.json'), name)
  }
  await tidyFolders(parent)
  expect((await readdir(parent)).sort()).toEqual(['cache', 'shop'])
  expect(await readFile(join(parent, 'cache/driver.json'), 'utf8')).toBe('.old-cache')
  expect(await readFile(join(parent, 'shop/driver.json'), 'utf8')).toBe('shop')
})
