/** Proxies that are right but for one thing each. A suite that does not see it would prove nothing. */
import type { ProxyDriver } from '../../server/devices/classes/proxy.ts'
import type { Route, RouteTable } from '../../server/domain/route.ts'
import type { Mutant } from './promises.ts'

const whole = 'apply is whole: what the new table does not have is gone; and it can be repeated'
const marked = 'apply gives a table a mark, and status says which one is in use'

export const proxyMutants: Readonly<Record<string, Mutant<ProxyDriver>>> = {
  'a new table is merged into the old one': {
    breaks: whole,
    sees: '404',
    wrong: (right) => {
      let hosts: RouteTable['hosts'] = {}
      return {
        apply(table) {
          hosts = { ...hosts, ...table.hosts }
          return right.apply({ ...table, hosts })
        },
      }
    },
  },

  'apply ends before requests see the table': {
    breaks: whole,
    sees: 'one',
    wrong: (right) => {
      let late: RouteTable = { hosts: {} }
      return {
        async apply(table) {
          const mark = await right.apply(late)
          late = table
          return mark
        },
      }
    },
  },

  'a table that is refused has emptied the old one': {
    breaks: 'a table that is too large is refused, and the old one stays',
    sees: 'one',
    wrong: (right) => ({
      apply: (table) =>
        right.apply(table).catch(async (error) => {
          await right.apply({ ...table, hosts: {} })
          throw error
        }),
    }),
  },

  'all tables have one mark': {
    breaks: marked,
    sees: 'unequal',
    wrong: (right) => ({ apply: (table) => right.apply(table).then(() => 'mark') }),
  },

  'status tells the last table that was given, whether it is in use or not': {
    breaks: marked,
    sees: 'null',
    wrong: (right) => {
      let mark: string | null = null
      return {
        async apply(table) {
          mark = await right.apply(table)
          return mark
        },
        status: async () => ({ ...(await right.status()), table: mark }),
      }
    },
  },

  'nothing is ever in flight': {
    breaks: 'a request that is being answered is in flight, and is not when the client has hung up',
    sees: 'it did not come true',
    wrong: () => ({ inflight: async (targets) => Object.fromEntries(targets.map((target) => [target, 0])) }),
  },

  'requests of a route that is held are answered at once': {
    breaks: 'a route that is held keeps requests of every kind until there is a target, which gets each of them once',
    sees: '503',
    wrong: (right) => withRoutes(right, ({ held: _, ...route }) => route),
  },

  'a wildcard beats an exact name': {
    breaks: 'a wildcard covers any depth below, the most specific one wins, an exact name beats it',
    sees: 'www.example.test',
    wrong: (right) => ({
      apply(table) {
        const covered = (host: string) => table.hosts[host.replace(/^[^.]+/, '*')] !== undefined && host[0] !== '*'
        const hosts = Object.fromEntries(Object.entries(table.hosts).filter(([host]) => !covered(host)))
        return right.apply({ ...table, hosts })
      },
    }),
  },

  'a body waits in a buffer where none is wanted': {
    breaks: 'on an unbuffered route a body goes through while it comes',
    sees: 'did not end within',
    wrong: (right) => withRoutes(right, ({ unbuffered: _, ...route }) => route),
  },

  'a request is noted by another name than the app was told': {
    breaks:
      'a request can be read of later: which app answered it, who asked for what, and the id that the app was told',
    sees: 'made-up',
    wrong: (right) => ({
      async *accessLog(app, options) {
        for await (const line of right.accessLog(app, options)) yield { ...line, request: 'made-up' }
      },
    }),
  },

  'a log that is followed ends with what is there': {
    breaks: 'whoever follows the log of an app sees its requests come, until they have seen enough',
    sees: '/1',
    wrong: (right) => ({ accessLog: (app, options) => right.accessLog(app, { ...options, follow: false }) }),
  },

  'installing again always changes something': {
    breaks: 'installing again changes nothing',
    sees: 'changed',
    wrong: (right) => ({ install: () => right.install().then(() => ({ changed: true })) }),
  },
}

function withRoutes(right: ProxyDriver, change: (route: Route) => Route): Partial<ProxyDriver> {
  return {
    apply(table) {
      const hosts = Object.entries(table.hosts).map(([host, route]) => [host, change(route)])
      return right.apply({ ...table, hosts: Object.fromEntries(hosts) })
    },
  }
}
