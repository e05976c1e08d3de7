/**
 * `npm run drivers:test ./my-driver`: every promise of a driver's class. A module brings its own test and stays in the clone;
 * a container driver is tried wherever its folder is. Words after the folder are the settings of its device.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

const clone = resolve(import.meta.dirname, '../..')

function main([given, ...settings]: readonly string[]): number {
  if (given === undefined) return failed('npm run drivers:test FOLDER [setting=value …]')
  // npm runs this in the clone, wherever it was typed.
  const folder = resolve(process.env.INIT_CWD ?? '.', given)
  const runs = wayOf(folder)
  if (runs === null) return failed(`${folder} is no driver: its driver.json cannot be read.`)
  const inClone = relative(clone, folder)
  if (runs === 'module' && inClone.startsWith('..')) {
    return failed('A module is code of this program: put its folder into drivers/ of the clone.')
  }
  const tests = runs === 'module' ? inClone : 'drivers/conformance/folder.test.ts'
  const env = { ...process.env, MEGAPOLOS_DRIVER: folder, MEGAPOLOS_DRIVER_SETTINGS: settings.join('\n') }
  const words = ['vitest', 'run', '--reporter=verbose', tests]
  return spawnSync('npx', words, { cwd: clone, env, stdio: 'inherit' }).status ?? 1
}

function wayOf(folder: string): 'module' | 'container' | null {
  try {
    return JSON.parse(readFileSync(join(folder, 'driver.json'), 'utf8')).runs
  } catch {
    return null
  }
}

function failed(sentence: string): number {
  console.error(sentence)
  return 64
}

process.exitCode = main(process.argv.slice(2))
