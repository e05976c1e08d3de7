/** The `proxy` class: sends requests to containers by host name, and changes its mind without a reload. */
import type { AccessLine, AccessLogOptions } from '../../domain/access-line.ts'
import type { Parts, RouteTable } from '../../domain/route.ts'

export interface ProxyDriver {
  /** Writes what the server program needs to start; safe to repeat. Says whether a running one must be restarted to see it. */
  install(): Promise<{ readonly changed: boolean }>
  /** The words that run the server in the foreground, for whoever supervises it. */
  command(): readonly string[]
  /**
   * Makes the whole table the one that is used; safe to repeat. Resolves when every later request sees it, and those that
   * wait for a route that is `held` go on.
   * Throws `unavailable` when the proxy does not answer and `refused` when the table does not fit; the old one then stays.
   * Returns the mark of this table, by which `status` says later whether it is still the one in use.
   * `parts` is asked for what the table points to and the proxy does not hold yet; what no table points to any more is
   * forgotten. Texts of parts are kept where tables are: in memory, never on a disk.
   */
  apply(table: RouteTable, parts?: Parts): Promise<string>
  /** Requests (and open WebSockets) that each of these targets is serving now. */
  inflight(targets: readonly string[]): Promise<Readonly<Record<string, number>>>
  status(): Promise<ProxyStatus>
  /**
   * Requests for this app (by id) that were answered, oldest first; of what is kept, which has an end. One may be noted a
   * second or two late. Takes memory for what it yields only, however much is kept.
   */
  accessLog(app: string, options: AccessLogOptions): AsyncIterable<AccessLine>
}

export interface ProxyStatus {
  readonly running: boolean
  readonly hosts: number
  /** Mark of the table in use; null when there is none. A proxy that was started again may have an older one. */
  readonly table: string | null
  /** Requests that have come since it started. */
  readonly requests: number
}
