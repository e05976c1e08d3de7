import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { quickly } from './quickly.ts'
import { commit, example } from './repository.ts'

/** More than the networks that Docker's own pools have room for, which are 31. */
const names = Array.from({ length: 45 }, (_, index) => `many-${index + 1}`)

describe('45 apps on one machine', () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'dockerfile', 'many')
    for (const name of names) {
      await person.must('git', 'checkout', '--quiet', '-B', name, 'main')
      await writeFile(join(person.folder, 'index.html'), `This is ${name}\n`)
      await commit(person, name)
    }
  })

  test('each is pushed, has a subnet of its own, and answers its own name; then nothing of them is left', {
    timeout: 300_000,
  }, async () => {
    const { person } = at
    await each((name) => person.must('git', 'push', '--quiet', `megapolos:${name}`, `${name}:main`))
    for (const name of names) expect(await at.get(`${name}.localhost`)).toBe(`This is ${name}\n`)

    const networks = await ours('network', 'ls', '--quiet', '--filter', 'label=megapolos.app')
    expect(networks).toHaveLength(names.length)
    const subnet = '{{range .IPAM.Config}}{{.Subnet}}{{end}}'
    const subnets = (await quickly('docker', 'network', 'inspect', '--format', subnet, ...networks)).trim().split('\n')
    expect(new Set(subnets).size).toBe(names.length)

    await each((name) => person.must('ssh', 'megapolos', 'apps:destroy', name, '--confirm', name))
    expect(await ours('network', 'ls', '--quiet', '--filter', 'label=megapolos.app')).toEqual([])
    expect(await ours('ps', '--all', '--quiet')).toEqual([])
    expect(readdirSync(join(at.system.home, 'repositories'))).toEqual([])
    await expect
      .poll(() => ours('images', '--quiet', '--filter', 'label=megapolos.app'), { timeout: 30_000 })
      .toEqual([])
    // What each of them left is removed in the background.
    await expect
      .poll(() => person.must('ssh', 'megapolos', 'server:gc', '--dry-run'), { timeout: 30_000, interval: 500 })
      .toBe('Nothing needs to be done.')
  })

  /** Four at a time. */
  async function each(work: (name: string) => Promise<unknown>): Promise<void> {
    const waiting = [...names]
    const worker = async () => {
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) await work(name)
    }
    await Promise.all(Array.from({ length: 4 }, worker))
  }

  async function ours(...words: string[]): Promise<string[]> {
    const listed = await quickly('docker', ...words, '--filter', `label=megapolos.system=${at.system.label}`)
    return listed.split('\n').filter((line) => line !== '')
  }
})
