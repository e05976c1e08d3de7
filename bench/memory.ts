/** Memory of the kernel while nothing happens, against a Node that does nothing at all. */
import { spawn } from 'node:child_process'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Lab } from './lab.ts'
import { pssOf } from './process.ts'
import { appsText, type Row } from './row.ts'

export async function measureMemory({ system, folder, say }: Lab, apps: number): Promise<Row> {
  say('letting the kernel rest …')
  const kernel = await system.pid('kernel')
  // A copy of its program: two processes of one file would halve each other's figure.
  const node = join(folder, 'node')
  await copyFile(`/proc/${kernel}/exe`, node)
  const bare = spawn(node, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  const [ours, floor]: [number[], number[]] = [[], []]
  try {
    for (let read = 0; read < 5; read++) {
      await pause(3000)
      ours.push(await pssOf(kernel))
      floor.push(await pssOf(bare.pid ?? 0))
    }
  } finally {
    bare.kill()
  }
  return {
    what: `memory of the idle kernel (PSS), ${appsText(apps)}`,
    unit: 'MiB',
    ours,
    floor: { what: 'bare Node', values: floor },
    aim: '≤ 120 MiB',
    met: (_, mebibytes) => mebibytes <= 120,
  }
}
