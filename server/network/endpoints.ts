/** Makes the machine answer at the private addresses of devices. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { endpointBlock } from './subnets.ts'

/**
 * Every address of the block is this machine's from now on, and can be listened on. Linux forgets it at a reboot, so
 * `install.sh mounts` does the same before Docker starts: a container whose address cannot be bound stays down.
 */
export async function bindEndpoints(pool: string): Promise<void> {
  await promisify(execFile)('ip', ['route', 'replace', 'local', endpointBlock(pool), 'dev', 'lo'])
}

export async function endpointsBound(pool: string): Promise<boolean> {
  const { stdout } = await promisify(execFile)('ip', ['route', 'show', 'table', 'local', 'exact', endpointBlock(pool)])
  return stdout.startsWith('local')
}
