/**
 * `npm run bench`: measures an installed test system, prints a table, and keeps the raw figures in results/.
 * `npm run bench -- push proxy` measures only these. MEGAPOLOS_KEEP=1 leaves the system for the next run.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { quickly } from '../test/quickly.ts'
import { removeSystem } from '../test/system.ts'
import { makeApps, measureCreate, measureList } from './commands.ts'
import { type Lab, openLab } from './lab.ts'
import { measureMemory } from './memory.ts'
import { measureProxy } from './proxy.ts'
import { deployApps, measurePush, measurePushCpu } from './push.ts'
import { measureRedeploys } from './redeploys.ts'
import { measureRoutes } from './routes.ts'
import { printed, type Row, result } from './row.ts'
import { measureTls } from './tls.ts'
import { drawTree } from './tree.ts'
import { measureVolumes } from './volumes.ts'

const many = 1000
/** Apps that run beside the one that is pushed. */
const crowd = 100

/** In this order: later ones use the app `bench` that `push` makes, and the last ones are among many apps. */
const measurements: Readonly<Record<string, (lab: Lab) => Promise<Row[]>>> = {
  push: (lab) => measurePush(lab, 7),
  tree: async (lab) => {
    await drawTree(lab, await machine())
    return []
  },
  memory: async (lab) => [await measureMemory(lab, 1)],
  list: async (lab) => [await measureList(lab, 1, 25)],
  create: async (lab) => [await measureCreate(lab, 15, 1)],
  redeploys: async (lab) => [await measureRedeploys(lab, 100_000)],
  proxy: (lab) => measureProxy(lab, 15),
  tls: (lab) => measureTls(lab, many, 25),
  routes: async (lab) => [await measureRoutes(lab, many, 200)],
  volumes: async (lab) => [await measureVolumes(lab, 100)],
  crowd: async (lab) => {
    await deployApps(lab, crowd)
    return measurePush(lab, 7, crowd)
  },
  many: async (lab) => {
    await makeApps(lab, many)
    return [
      await measureList(lab, many, 25),
      await measureCreate(lab, 15, many),
      ...(await measurePushCpu(lab, 5, many)),
      await measureMemory(lab, many),
    ]
  },
}

const chosen = process.argv.slice(2)
const unknown = chosen.find((name) => !(name in measurements))
if (unknown) throw new Error(`There is no measurement ${unknown}; there are ${Object.keys(measurements).join(', ')}`)

const say = (line: string) => process.stderr.write(`${line}\n`)
const begun = new Date()
const lab = await openLab(say)
try {
  const rows: Row[] = []
  for (const [name, measure] of Object.entries(measurements)) {
    // `push` makes the app that the others ask.
    if (chosen.length > 0 && name !== 'push' && !chosen.includes(name)) continue
    say(`measuring ${name} …`)
    rows.push(...(await measure(lab)))
  }
  const results = rows.map(result)
  console.log(printed(results))
  const file = join(import.meta.dirname, 'results', `${begun.toISOString().slice(0, 19).replaceAll(':', '-')}.json`)
  mkdirSync(join(import.meta.dirname, 'results'), { recursive: true })
  writeFileSync(file, `${JSON.stringify({ at: begun.toISOString(), machine: await machine(), results }, null, 1)}\n`)
  say(`raw figures: ${file}`)
} finally {
  await lab.close()
  await lab.system.clean()
  await removeSystem()
}

async function machine() {
  const engine = (await quickly('docker', 'version', '--format', '{{.Server.Version}}')).trim()
  return {
    ...{ cpus: cpus().length, memory: `${Math.round(totalmem() / 2 ** 30)} GiB`, linux: release() },
    ...{ node: process.version, engine },
  }
}
