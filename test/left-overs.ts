/** What must be gone when a push, an app or a whole test has ended: everything that belongs to no app, or to nobody any more. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { quickly } from './quickly.ts'
import type { System } from './system.ts'

/** Names of what is there and should not be; empty when all is well. */
export async function leftOvers(system: System): Promise<string[]> {
  const apps: { id: string }[] = JSON.parse(await system.console('apps:list', '--format', 'json'))
  const ids = new Set(apps.map(({ id }) => id))
  const [containers, networks, folders, repositories, spool] = await Promise.all([
    docker(system, 'ps', '--all', '{{.Label "megapolos.app"}} {{.Label "megapolos.one-off"}}'),
    docker(system, 'network', 'ls', '{{.Label "megapolos.app"}}'),
    readdir(join(system.home, 'mounts')),
    readdir(join(system.home, 'repositories')),
    readdir(join(system.home, 'spool')),
  ])
  return [
    ...containers.filter((line) => !ids.has(line.trim())).map((line) => `container of ${line}`),
    ...networks.filter((app) => !ids.has(app)).map((app) => `network of ${app}`),
    ...folders.filter((name) => !ids.has(name.split('.')[0] ?? '')).map((name) => `folder of ${name}`),
    ...repositories.filter((name) => !ids.has(name.replace(/\.git$/, ''))).map((name) => `repository ${name}`),
    ...(await Promise.all(repositories.map((name) => quarantined(join(system.home, 'repositories', name))))).flat(),
    ...spool.map((name) => `spooled ${name}`),
  ]
}

async function docker(system: System, ...words: string[]): Promise<string[]> {
  const format = words.pop() ?? ''
  const output = await quickly(
    'docker',
    ...words,
    '--filter',
    `label=megapolos.system=${system.label}`,
    '--format',
    format,
  )
  return output.split('\n').filter((line) => line.trim() !== '')
}

/** Objects of pushes that git had not accepted when they ended. */
async function quarantined(repository: string): Promise<string[]> {
  const names = await readdir(join(repository, 'objects')).catch(() => [])
  return names.filter((name) => name.startsWith('tmp_')).map((name) => join(repository, 'objects', name))
}
