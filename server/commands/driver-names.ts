/**
 * Every driver of databases gets the names that Dokku's fingers know by itself, under its own name and aliases, in their
 * own argument order: `<driver>:link <service> <app>`.
 */
import type { Manifest } from '../domain/device.ts'
import type { Entry, Table } from './parse.ts'

/** Verb → the command that it means, and the order of its words. */
const verbs: Readonly<Record<string, readonly [name: string, positional: readonly string[], onDriver?: true]>> = {
  create: ['db:create', ['name'], true],
  destroy: ['db:destroy', ['name']],
  link: ['db:attach', ['database', 'app']],
  unlink: ['db:detach', ['database', 'app']],
  promote: ['db:promote', ['database', 'app']],
  list: ['db:list', [], true],
  info: ['db:info', ['database']],
  links: ['attachments', ['database']],
  'app-links': ['attachments', ['app']],
  connect: ['db:connect', ['database']],
  export: ['db:export', ['database']],
  import: ['db:import', ['database']],
  clone: ['db:clone', ['database', 'name']],
  logs: ['db:logs', ['database']],
  restart: ['db:restart', ['database']],
}

/** Looks again at each call: drivers come and go. */
export function withDriverNames(table: Table, manifests: () => readonly Manifest[]): Table {
  return {
    ...table,
    more(name): Entry | undefined {
      const [driver, verb = ''] = name.split(':')
      const meant = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
      const known = manifests().find((one) => [one.name, ...one.aliases].includes(driver ?? ''))
      const entry = meant && known?.class === 'database' ? table.names.get(meant[0]) : undefined
      if (!meant || !known || !entry) return undefined
      return { row: entry.row, positional: meant[1], preset: meant[2] ? { on: known.name } : {} }
    },
  }
}
