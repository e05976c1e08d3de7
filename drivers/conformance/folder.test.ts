/**
 * A container driver from any folder, in its real container: what `npm run drivers:test FOLDER` tries. When none is named
 * it is memcached; the promises of that are tried on an installed system as well (test/scripts/drivers.txt).
 */
import { existsSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { DriverHost } from '../../server/devices/driver.ts'
import { parseManifest } from '../../server/devices/manifest.ts'
import type { Proof } from '../../server/devices/suite.ts'
import { signalPrograms } from '../../test/container-programs.ts'
import { hostsForTest } from '../../test/device-hosts.ts'
import { type DriverHouse, driverHouse } from '../../test/driver-house.ts'
import { archivePromises } from './archive-promises.ts'
import { promisesWith } from './database-promises.ts'
import type { DatabaseClient, DatabaseUnderTest } from './database-under-test.ts'
import { keepsPromises } from './suite.ts'

const folder = resolve(process.env.MEGAPOLOS_DRIVER ?? join(import.meta.dirname, '../memcached'))
const name = basename(folder)
const settings = Object.fromEntries(
  (process.env.MEGAPOLOS_DRIVER_SETTINGS ?? '')
    .split('\n')
    .filter((word) => word !== '')
    .map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
)
const system = 'tfolder'
const longest = 300_000

const read = parseManifest(readFileSync(join(folder, 'driver.json'), 'utf8'))
if ('problem' in read) throw new Error(`driver.json ${read.problem}.`)
const { manifest } = read

/** In the folder of a driver whose server somebody else has to speak to. */
async function clientIn(folder: string): Promise<DatabaseClient | null> {
  const file = join(folder, 'client-for-test.ts')
  return existsSync(file) ? (await import(file)).client : null
}

const client = await clientIn(folder)

describe.runIf(process.env.MEGAPOLOS_DRIVER || process.env.MEGAPOLOS_FULL)(folder, () => {
  test('it speaks its contract, with no privilege', { timeout: longest }, async () => {
    const { house, close } = await open()
    const proofs: Proof[] = []
    await house.probe(name, (proof) => proofs.push(proof))
    await close()
    expect(proofs.filter(({ outcome }) => outcome === 'broken')).toEqual([])
  })

  if (manifest.class === 'database') {
    keepsPromises(`${name} is a database`, () => makeDatabase(client), promisesWith(client))
  }
  if (manifest.class === 'archive') keepsPromises(`${name} is an archive`, makeArchive, archivePromises)
})

async function makeDatabase(client: DatabaseClient | null): Promise<DatabaseUnderTest> {
  const { house, host, close } = await open()
  const again = () => house.load(name, host)
  const driver = again()
  const as = manifest.installs[0] ?? 'container'
  const install = () => driver.install({ version: null, as, memory: 128 }, () => {})
  const signal = async (word: NodeJS.Signals) => {
    for (const one of await host.containers.list()) await signalPrograms(`mp-${system}.${name}.${one}`, null, word)
  }
  await install()
  return {
    ...{ driver, again, install, client, patience: 60 },
    kill: () => signal('SIGKILL'),
    async freeze() {
      await signal('SIGSTOP')
      return () => signal('SIGCONT')
    },
    async remove() {
      await driver.uninstall()
      expect(await host.containers.list(), 'it leaves containers behind').toEqual([])
      await close()
    },
  }
}

async function makeArchive() {
  const { house, host, close } = await open()
  const driver = house.load<'archive'>(name, host)
  return { driver, files: async () => (await driver.list('')).map((file) => file.name), remove: close }
}

/** The driver, approved for what it asks for, and what it is given. */
async function open(): Promise<{ house: DriverHouse; host: DriverHost; close(): Promise<void> }> {
  const hosts = await hostsForTest(system, '10.114.16.0/20')
  const host = await hosts.host(name, { settings })
  const house = await driverHouse(system, (packages) =>
    host.containers.image({ hub: null, debian: { packages, lines: [] } }, () => {}),
  )
  await house.addFolder(folder)
  const close = async () => {
    await house.close()
    await hosts.close()
  }
  return { house, host, close }
}
