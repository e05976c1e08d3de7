/** apps:* */
import { z } from 'zod'
import { scaleOf } from '../domain/app.ts'
import { addressOf } from '../domain/claims.ts'
import { runningTypes, shownCommand } from '../domain/release.ts'
import { appUrl } from '../domain/route.ts'
import { command } from './command.ts'
import { app, change, changeText, confirmed, dryRun, newApp, subject } from './fields.ts'
import { ago, facts, table } from './text.ts'

const summary = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  url: z.string(),
  release: z.number().nullable(),
  /** As last observed; empty while nobody observes. */
  processes: z.array(z.object({ type: z.string(), wanted: z.number(), running: z.number() })),
  createdAt: z.string(),
})

export const apps = [
  command({
    name: 'apps:list',
    summary: 'List the apps',
    access: 'app:read',
    kind: 'query',
    args: z.object({}),
    positional: [],
    aliases: [{ name: 'apps' }],
    result: z.array(summary),
    run: async (_args, _context, { store, live, config, routes }) => {
      const [list, states, domains] = await Promise.all([store.apps.list(), live.apps(), store.domains.list()])
      const { hosts } = routes.table()
      const domainsOf = Map.groupBy(domains, (domain) => domain.app)
      return list.map(({ id, name, release, stopped, createdAt }) => ({
        id,
        name,
        state: states[id]?.state ?? (stopped ? 'stopped' : release === null ? 'empty' : 'running'),
        url: appUrl(domainsOf.get(id) ?? [], config, hosts),
        release,
        processes: Object.entries(states[id]?.processes ?? {}).map(([type, scale]) => ({ type, ...scale })),
        createdAt,
      }))
    },
    text: (list) =>
      table(
        ['app', 'state', 'release', 'created'],
        list.map((one) => [one.name, one.state, one.release === null ? '-' : `v${one.release}`, ago(one.createdAt)]),
        'There are no apps yet. Push one: git push megapolos main',
      ),
  }),
  command({
    name: 'apps:create',
    summary: 'Create an app; a first push does it too',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app: newApp }),
    positional: ['app'],
    result: z.object({ name: z.string(), remote: z.string() }),
    examples: ['apps:create blog'],
    run: async ({ app }, { actor }, { pipeline, live }) => {
      const made = await pipeline.create(app, actor.name)
      live.wake('apps')
      return { name: made.name, remote: `megapolos:${made.name}` }
    },
    text: ({ name, remote }) => [
      `Created ${name}.`,
      `Push to it: git remote add megapolos ${remote} && git push megapolos main`,
    ],
  }),
  command({
    name: 'apps:info',
    summary: 'Show an app: release, processes, domains',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app }),
    positional: ['app'],
    aliases: [{ name: 'apps:report' }],
    result: z.object({
      id: z.string(),
      name: z.string(),
      state: z.string(),
      url: z.string(),
      branch: z.string().nullable(),
      release: z.number().nullable(),
      commit: z.string().nullable(),
      description: z.string().nullable(),
      releasedAt: z.string().nullable(),
      processes: z.array(
        z.object({
          type: z.string(),
          command: z.string(),
          wanted: z.number(),
          running: z.number(),
          memory: z.number(),
        }),
      ),
      domains: z.array(z.string()),
      /** Of each of them; empty where there is nothing to open, as for a star. */
      urls: z.array(z.string()),
      maintenance: z.boolean(),
      createdAt: z.string(),
      createdBy: z.string(),
    }),
    run: async ({ app: name }, _context, { store, live, url, config, routes }) => {
      const found = await store.apps.get(name)
      const [release, formation, domains, rules, states] = await Promise.all([
        found.release === null ? null : store.releases.get(found.id, found.release),
        store.formations.get(found.id),
        store.domains.ofApp(found.id),
        store.routing.of(found.id),
        live.apps(),
      ])
      const own = domains.filter(({ kind }) => kind !== 'redirect')
      const { hosts } = routes.table()
      const state = states[found.id]
      return {
        id: found.id,
        name: found.name,
        state: state?.state ?? (found.stopped ? 'stopped' : release ? 'running' : 'empty'),
        url: await url(found),
        branch: found.branch,
        release: found.release,
        commit: release?.commit ?? null,
        description: release?.description ?? null,
        releasedAt: release?.createdAt ?? null,
        processes: (release ? runningTypes(release) : []).map((type) => ({
          type,
          command: shownCommand(release?.processes[type]),
          wanted: found.stopped ? 0 : scaleOf(formation, type).quantity,
          running: state?.processes[type]?.running ?? 0,
          memory: scaleOf(formation, type).memory,
        })),
        domains: own.map(addressOf),
        urls: own.map((one) => (one.host.startsWith('*.') ? '' : appUrl([one], config, hosts))),
        maintenance: rules.maintenance !== undefined,
        createdAt: found.createdAt,
        createdBy: found.createdBy,
      }
    },
    text: (one) => [
      `${one.name}: ${one.state}`,
      ...facts([
        ['url', one.url],
        ['release', one.release === null ? 'none yet' : `v${one.release}, ${one.description}, ${ago(one.releasedAt)}`],
        ['branch', one.branch ?? 'set by the first push'],
        ['domains', one.domains.join(', ')],
        ...(one.maintenance ? [['maintenance', 'on: everybody gets 503'] as const] : []),
        ['created', `${ago(one.createdAt)} by ${one.createdBy}`],
      ]),
      ...(one.processes.length > 0 ? [''] : []),
      ...(one.processes.length > 0
        ? table(
            ['process', 'running', 'memory', 'command'],
            one.processes.map((p) => [p.type, `${p.running} of ${p.wanted}`, `${p.memory} MiB`, p.command]),
            '',
          )
        : []),
    ],
  }),
  command({
    name: 'apps:rename',
    summary: 'Give an app another name',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, name: newApp }),
    positional: ['app', 'name'],
    result: change,
    run: async ({ app, name }, context, kernel) => {
      const [found, by] = await subject(app, context, kernel)
      return kernel.pipeline.rename(found, name, by)
    },
    text: (done) => [
      ...changeText(done),
      'Remotes still have the old name: git remote set-url megapolos megapolos:NAME',
    ],
  }),
  command({
    name: 'apps:destroy',
    summary: 'Destroy an app with its releases, config vars and repository',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ app, confirm: z.string().optional().meta({ description: 'the name again' }), dryRun }),
    positional: ['app'],
    aliases: [{ name: 'apps:delete' }],
    result: change,
    examples: ['apps:destroy blog --confirm blog'],
    run: async ({ app, confirm, dryRun }, context, kernel) => {
      const [found, by] = await subject(app, context, kernel)
      if (!dryRun) confirmed(found.name, confirm, `apps:destroy ${found.name}`)
      return kernel.pipeline.destroy(found, by, dryRun)
    },
    text: changeText,
  }),
]
