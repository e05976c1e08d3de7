/** What a container's hosts file says of the apps that it may call. Pure. */
import { type LinkReference, linkHost } from '../domain/link.ts'
import { internalAddress } from './subnets.ts'

/** Where the proxy listens for them; it knows by the name who is meant. */
export function internalHosts(links: readonly LinkReference[], pool: string): string[] {
  return links.map((link) => `${linkHost(link)}:${internalAddress(pool)}`)
}
