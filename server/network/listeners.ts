/** Who listens on this machine, whoever they are. */
import { readFileSync } from 'node:fs'

/**
 * Whether somebody listens at this TCP port on all addresses: then nobody else can at one of them. Reads what Linux says of
 * this network namespace.
 */
export function isHeldEverywhere(port: number, tables = ['/proc/net/tcp', '/proc/net/tcp6']): boolean {
  const wanted = new RegExp(
    `^ *\\d+: 0+:${port.toString(16).toUpperCase().padStart(4, '0')} [0-9A-F:]+ ${listening} `,
    'm',
  )
  return tables.some((file) => wanted.test(readOrNothing(file)))
}

/** `TCP_LISTEN` */
const listening = '0A'

/** There is no second one without IPv6. */
function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
