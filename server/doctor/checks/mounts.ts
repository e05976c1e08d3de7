/** The shared mount, through which volumes come into containers that run. */
import { readFile } from 'node:fs/promises'
import { check } from '../check.ts'

export interface MountFacts {
  readonly folder: string
  readonly state: 'shared' | 'private' | 'missing'
}

export const mounts = check<MountFacts>({
  name: 'mounts',
  about: 'The mounts',
  remedy: (commands) => commands.installer('mounts'),
  async probe({ config }) {
    const folder = config.paths.mounts
    return { folder, state: mountState(await readFile('/proc/self/mountinfo', 'utf8'), folder) }
  },
  judge: ({ folder, state }, commands) => {
    if (state === 'shared') return []
    const how = state === 'missing' ? 'is not mounted' : 'is mounted, but not shared'
    const problem = `${folder} ${how}: volumes cannot be attached to running containers.`
    return [{ severity: 'error', problem, fix: commands.installer('mounts') }]
  },
})

/** Of mounts on top of each other the last one counts. */
export function mountState(mountinfo: string, folder: string): MountFacts['state'] {
  const line = mountinfo
    .split('\n')
    .map((text) => text.split(' '))
    .findLast((words) => words[4] === folder)
  if (!line) return 'missing'
  // The words between the options and the hyphen say where its mounts go.
  return line.slice(6, line.indexOf('-')).some((word) => word.startsWith('shared:')) ? 'shared' : 'private'
}
