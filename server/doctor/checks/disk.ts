/** Room on the file systems of the data home and of Docker. */
import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { check, type Finding } from '../check.ts'

export interface FileSystem {
  /** A folder on it. */
  readonly folder: string
  readonly what: 'home' | 'docker'
  /** As df counts: of what is not reserved for root. */
  readonly used: number
  readonly freeBytes: number
  /** Null where the file system makes as many as it needs. */
  readonly usedInodes: number | null
}

export const disk = check<FileSystem[]>({
  name: 'disk',
  about: 'The disks',
  remedy: () => 'df -h',
  async probe({ config, engine }) {
    // Whoever has a large disk mounts it on one of the home's folders.
    const inner = (await readdir(config.home, { withFileTypes: true })).filter((entry) => entry.isDirectory())
    const folders = [config.home, ...inner.map(({ name }) => join(config.home, name))]
    const ofHome = folders.map((folder) => ({ folder, what: 'home' as const }))
    const root = await engine.info().then(
      (info) => info.root,
      () => null,
    )
    const places = [...ofHome, ...(root === null ? [] : [{ folder: root, what: 'docker' as const }])]
    const devices = new Map<number, { folder: string; what: FileSystem['what'] }>()
    for (const place of places) {
      const found = await stat(place.folder).catch(() => null)
      if (found && !devices.has(found.dev)) devices.set(found.dev, place)
    }
    return Promise.all([...devices.values()].map(measure))
  },
  judge: (systems) => systems.flatMap((one) => judge(one, cure(one))),
})

async function measure(place: Pick<FileSystem, 'folder' | 'what'>): Promise<FileSystem> {
  const { blocks, bfree, bavail, bsize, files, ffree } = await statfs(place.folder)
  return {
    ...place,
    used: share(blocks - bfree, bavail),
    freeBytes: bavail * bsize,
    usedInodes: files === 0 ? null : share(files - ffree, ffree),
  }
}

/** Rounded up, as df does: a file system with 95.1 % used is not one with 95. */
function share(used: number, free: number): number {
  return used + free === 0 ? 0 : Math.ceil((used / (used + free)) * 100)
}

const [warnAt, failAt] = [90, 95]

function judge({ folder, used, freeBytes, usedInodes }: FileSystem, fix: string): Finding[] {
  const findings: Finding[] = []
  const severity = (percent: number) => (percent >= failAt ? 'error' : 'warning')
  if (used >= warnAt)
    findings.push({
      severity: severity(used),
      problem: `The disk of ${folder} is ${used} % full; ${bytes(freeBytes)} are left.`,
      fix,
    })
  if (usedInodes !== null && usedInodes >= warnAt)
    findings.push({
      severity: severity(usedInodes),
      problem: `The disk of ${folder} has used ${usedInodes} % of the files that it can hold.`,
      fix,
    })
  return findings
}

/** Old layers and caches can be made again. What else lies there, only a person can judge; the largest come last. */
function cure({ folder, what }: FileSystem): string {
  return what === 'docker' ? 'docker builder prune --force' : `du -xah ${folder} | sort -h | tail -n 20`
}

function bytes(count: number): string {
  const [unit, size] = count >= 1e9 ? ['GB', 1e9] : ['MB', 1e6]
  return `${(count / (size as number)).toFixed(1)} ${unit}`
}
