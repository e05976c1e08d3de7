/**
 * Everything that changes the world is an operation: the same list is printed by `--dry-run`, executed, and recorded
 * in its job, so the three can be compared.
 */
export type Operation =
  | { readonly do: 'build'; readonly commit: string }
  | { readonly do: 'release'; readonly description: string }
  | { readonly do: 'release-task' }
  | { readonly do: 'start'; readonly process: string; readonly index: number }
  | { readonly do: 'check'; readonly process: string; readonly index: number }
  | { readonly do: 'hold'; readonly app: string }
  | { readonly do: 'switch'; readonly app: string }
  | { readonly do: 'unroute'; readonly app: string }
  | { readonly do: 'retire'; readonly process: string; readonly index: number; readonly release: number }
  | { readonly do: 'route'; readonly host: string; readonly app: string }
  | { readonly do: 'remove-route'; readonly host: string; readonly app: string }
  | { readonly do: 'move-route'; readonly host: string; readonly from: string; readonly app: string }
  | { readonly do: 'redirect'; readonly host: string; readonly to: string; readonly status: number }
  | { readonly do: 'rule'; readonly app: string; readonly what: string }
  | { readonly do: 'attach-volume'; readonly volume: string; readonly app: string; readonly at: string }
  | { readonly do: 'detach-volume'; readonly volume: string; readonly app: string }
  | { readonly do: 'create'; readonly what: string }
  | { readonly do: 'destroy'; readonly what: string }
  | { readonly do: 'grant'; readonly app: string; readonly database: string }
  | { readonly do: 'open'; readonly host: string; readonly app: string; readonly target: string }
  | { readonly do: 'close'; readonly host: string; readonly app: string; readonly target: string }
  | { readonly do: 'collect'; readonly what: string; readonly why: string }

/** The line that a person reads. */
export function describe(operation: Operation): string {
  switch (operation.do) {
    case 'build':
      return `build ${operation.commit.slice(0, 7)}`
    case 'release':
      return `release: ${operation.description}`
    case 'release-task':
      return 'run the release task'
    case 'start':
      return `start ${operation.process}.${operation.index}`
    case 'check':
      return `check ${operation.process}.${operation.index}`
    case 'hold':
      return `hold the requests of ${operation.app}: they wait until it runs again`
    case 'switch':
      return `switch the routes of ${operation.app}`
    case 'unroute':
      return `take ${operation.app} off its routes`
    case 'retire':
      return `drain and stop ${operation.process}.${operation.index} of v${operation.release}`
    case 'route':
      return `route ${operation.host} to ${operation.app}`
    case 'remove-route':
      return `stop routing ${operation.host} to ${operation.app}`
    case 'move-route':
      return `move ${operation.host} from ${operation.from} to ${operation.app}`
    case 'redirect':
      return `redirect ${operation.host} to ${operation.to} (${operation.status})`
    case 'rule':
      return operation.what
    case 'attach-volume':
      return `attach the volume ${operation.volume} to ${operation.app} at ${operation.at}`
    case 'detach-volume':
      return `detach the volume ${operation.volume} from ${operation.app}`
    case 'create':
      return `create ${operation.what}`
    case 'grant':
      return `give ${operation.app} a login for ${operation.database}`
    case 'open':
      return `let ${operation.app} call ${operation.target} at ${operation.host}`
    case 'close':
      return `close ${operation.host} for ${operation.app}`
    case 'destroy':
      return `destroy ${operation.what}`
    case 'collect':
      return `remove ${operation.what}: ${operation.why}`
  }
}
