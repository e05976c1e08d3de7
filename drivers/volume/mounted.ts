/** A place that is only mounted while somebody reads or writes there: what else goes wrong on the machine does not reach it. */
import { mkdir, readFile } from 'node:fs/promises'
import type { DriverHost } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'

export interface Mounted {
  /** Directory in which it is mounted until as many have left as have entered. Throws `unavailable`. */
  enter(): Promise<string>
  leave(): Promise<void>
}

/** What is mounted: a disk, or the directory that a volume of the kernel is in now. */
export interface MountSource {
  /** `disk /dev/sdb1` */
  readonly what: string
  readonly options: string
  find(): Promise<string>
}

export type MountHost = Pick<DriverHost, 'device' | 'system' | 'node' | 'log'>

export function createMounted({ device, system, node, log }: MountHost, source: MountSource): Mounted {
  // Not in the folder of the device: that is deleted with all that is in it.
  const place = `/run/megapolos-${system}/${device}`
  let users = 0
  let last: Promise<unknown> = Promise.resolve()
  /** One at a time mounts or unmounts. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work)
    last = mine.catch(() => {})
    return mine
  }

  async function run(...command: string[]): Promise<{ code: number; stderr: string }> {
    const { stdout, ended } = await node.exec({ command })
    stdout.resume()
    return ended
  }

  async function mount(): Promise<void> {
    const from = await source.find()
    await mkdir(place, { recursive: true, mode: 0o700 })
    // A kernel that died has left it mounted, and something else may be meant by now.
    if (await isMounted(place)) await run('umount', place)
    const { code, stderr } = await run('mount', '-o', `${source.options}nosuid,nodev,noexec`, '--', from, place)
    if (code !== 0) throw notMounted(source.what, stderr)
  }

  return {
    enter: () =>
      inTurn(async () => {
        if (users === 0) await mount()
        users++
        return place
      }),
    leave: () =>
      inTurn(async () => {
        users--
        if (users > 0) return
        const { code, stderr } = await run('umount', place)
        if (code !== 0) log.warn('archive.not-unmounted', { archive: device, cause: stderr.trim() })
      }),
  }
}

async function isMounted(place: string): Promise<boolean> {
  return (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').some((line) => line.split(' ')[4] === place)
}

function notMounted(what: string, stderr: string): UserError {
  const why = stderr.split('\n')[0]?.replace(/^mount: (\S+: )?/, '') || 'mount failed'
  return new UserError('unavailable', `The ${what} cannot be mounted: ${why}`, 'Is it there? lsblk shows the disks.')
}
