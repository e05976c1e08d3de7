/** Addresses that people may reach this machine under, IPv4 first. */
import { networkInterfaces } from 'node:os'

export function ownAddresses(): string[] {
  const all = Object.entries(networkInterfaces()).flatMap(([name, list = []]) => list.map((one) => ({ name, ...one })))
  // Bridges of containers are no address to reach a machine under.
  return all
    .filter(
      ({ internal, name, address }) => !internal && !/^(docker|br-|mp|veth)/.test(name) && !/^fe80:/.test(address),
    )
    .sort((a, b) => a.family.localeCompare(b.family))
    .map(({ address }) => address)
}
