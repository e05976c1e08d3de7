/** A driver is a folder: with it gone, everything else is whole, and nobody ever knew its name. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadRegistry } from '../server/devices/registry.ts'
import { isTest, root, sources } from './sources.ts'

const shipped = await loadRegistry(join(root, 'drivers'))
/** The kernel begins with a proxy and a builder by name; every other driver is somebody's choice. */
const chosen = shipped.drivers.filter((driver) => !['proxy', 'builder', 'storage'].includes(driver.class))
const house = sources().filter((source) => !isTest(source))

/** Comments and the examples of help are for people, and people know what things are called. */
const code = (text: string) =>
  text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '')
    .replace(/^\s*examples: .*$/gm, '')

test.each(chosen.filter((driver) => driver.class === 'database').map(({ name, aliases }) => [name, aliases] as const))(
  'no line of code outside of drivers/%s names it',
  (name, aliases) => {
    // Redis is also a server of the kernel's own, which no driver has to do with.
    const words = [name, ...aliases].filter((word) => word !== 'redis')
    if (words.length === 0) return
    const named = new RegExp(`\\b(${words.join('|')})\\b`, 'i')
    const wrong = house.filter(({ place, text }) => !['drivers', 'bench'].includes(place) && named.test(code(text)))
    expect(wrong.map(({ path }) => path)).toEqual([])
  },
)

test.each(chosen.map(({ name }) => name))('nothing outside of drivers/%s imports it', (name) => {
  const inside = `drivers/${name}/`
  const outside = house.filter(({ path }) => !path.startsWith(inside))
  const wrong = outside.filter(({ imports }) => imports.some(({ from }) => from.startsWith(inside)))
  expect(wrong.map(({ path }) => path)).toEqual([])
})

test.each(chosen.map(({ name }) => name))('with drivers/%s deleted all others are found and load', async (name) => {
  const folder = await mkdtemp(join(root, '.drivers-'))
  try {
    await cp(join(root, 'drivers'), folder, { recursive: true })
    await rm(join(folder, name), { recursive: true })
    const rest = await loadRegistry(folder)
    expect(rest.broken).toEqual([])
    expect(rest.drivers.map((driver) => driver.name)).toEqual(
      shipped.drivers.map((driver) => driver.name).filter((one) => one !== name),
    )
    for (const driver of rest.drivers) if (driver.runs === 'module') await rest.load(driver.name, driver.class)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
