/** What the driver of a device has made on this node: seen, and removed without it. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostParts } from './host.ts'
import { createNodeCalls } from './host-node.ts'

/** A phrase each: `the container server`. */
export async function leftOf(host: HostParts, device: string): Promise<string[]> {
  const containers = await host.containers.list(device)
  const servers = await createNodeCalls(device, host).servers()
  return [...containers.map(({ name }) => `the container ${name}`), ...servers.map((name) => `the server ${name}`)]
}

export async function sweep(host: HostParts, device: string): Promise<void> {
  for (const one of await host.containers.list(device)) await host.containers.remove(device, one.name, 10)
  const node = createNodeCalls(device, host)
  for (const server of await node.servers()) await node.stop(server)
  await rm(join(host.devicesFolder, device), { recursive: true, force: true })
}
