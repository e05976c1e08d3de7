/** Texts that the routing table only points to. */
import { createHash } from 'node:crypto'
import type { PartId } from './route.ts'

export function partId(text: string): PartId {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
