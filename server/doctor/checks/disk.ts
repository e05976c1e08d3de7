/** Room on the file systems of the data home and of Docker. */
import { readdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { check, type Finding } from '../check.ts'

export interface FileSystem {
  /** A folder on it, and the one that it is mounted on. */
  readonly folder: string
  readonly mountedOn: string
  /** Whether Docker's images and containers lie there, too. */
  readonly docker: boolean
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
    const root = await engine.info().then(
      (info) => info.root,
      () => null,
    )
    const found = await Promise.all([...folders, ...(root === null ? [] : [root])].map(place))
    const devices = Map.groupBy(found.flat(), ({ device }) => device)
    return Promise.all([...devices.values()].map((places) => measure(places, root)))
  },
  judge: (systems) => systems.flatMap((one) => judge(one, cure(one))),
})

interface Place {
  readonly folder: string
  readonly device: number
}

async function place(folder: string): Promise<Place[]> {
  const found = await stat(folder).catch(() => null)
  return found ? [{ folder, device: found.dev }] : []
}

async function measure(places: readonly Place[], root: string | null): Promise<FileSystem> {
  const [first] = places as [Place]
  const { blocks, bfree, bavail, bsize, files, ffree } = await statfs(first.folder)
  return {
    folder: first.folder,
    mountedOn: await topOf(first),
    docker: places.some(({ folder }) => folder === root),
    used: share(blocks - bfree, bavail),
    freeBytes: bavail * bsize,
    usedInodes: files === 0 ? null : share(files - ffree, ffree),
  }
}

/** The highest folder above it that is on the same device. */
async function topOf({ folder, device }: Place): Promise<string> {
  const above = dirname(folder)
  if (above === folder) return folder
  const [next] = await place(above)
  return next?.device === device ? topOf(next) : folder
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

/** Caches of builds can be made again. What else lies there, only a person can judge; the largest come last. */
function cure({ mountedOn, docker }: FileSystem): string {
  const list = `du -xah ${mountedOn} | sort -h | tail -n 20`
  return docker ? `docker builder prune --force; ${list}` : list
}

function bytes(count: number): string {
  const [unit, size] = count >= 1e9 ? ['GB', 1e9] : ['MB', 1e6]
  return `${(count / (size as number)).toFixed(1)} ${unit}`
}
