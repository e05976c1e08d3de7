/** releases* */
import { z } from 'zod'
import type { App } from '../domain/app.ts'
import { linkHost, linkVariable } from '../domain/link.ts'
import { difference, type Release, shownCommand } from '../domain/release.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { app, change, changeText, dryRun, subject } from './fields.ts'
import { ago, facts, table } from './text.ts'

const version = z
  .string()
  .regex(/^v?\d{1,9}$/, 'A release is named like v3.')
  .transform((text) => Number(text.replace('v', '')))
  .meta({ description: 'a release, such as v3' })

const without = z
  .array(z.string())
  .default([])
  .meta({ description: 'a database or a linked app to go on without, such as one that was destroyed' })

const summary = z.object({
  version: z.number(),
  current: z.boolean(),
  commit: z.string(),
  description: z.string(),
  createdAt: z.string(),
  createdBy: z.string(),
})

function summarize(one: Release, app: App): z.output<typeof summary> {
  const { version, commit, description, createdAt, createdBy } = one
  return { version, current: version === app.release, commit, description, createdAt, createdBy }
}

export const releases = [
  command({
    name: 'releases',
    summary: 'List the releases of an app, newest first',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app }),
    positional: ['app'],
    aliases: [{ name: 'releases:list' }],
    result: z.array(summary),
    run: async ({ app }, _context, { store }) => {
      const found = await store.apps.get(app)
      return (await store.releases.list(found.id)).map((one) => summarize(one, found))
    },
    text: (list) =>
      table(
        ['release', 'what', 'commit', 'when', 'by'],
        list.map((one) => [
          `v${one.version}${one.current ? ' *' : ''}`,
          one.description,
          one.commit.slice(0, 7),
          ago(one.createdAt),
          one.createdBy,
        ]),
        'No releases yet. Push one: git push megapolos main',
      ),
  }),
  command({
    name: 'releases:info',
    summary: 'Show a release, and what it changed',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app, version: version.optional() }),
    positional: ['app', 'version'],
    result: summary.extend({
      processes: z.record(z.string(), z.string()),
      config: z.array(z.string()),
      attachments: z.array(z.string()),
      changes: z.array(z.string()),
    }),
    run: async ({ app, version }, _context, { store }) => {
      const found = await store.apps.get(app)
      const list = await store.releases.list(found.id)
      const at = list.findIndex((candidate) => candidate.version === (version ?? found.release))
      const one = list[at]
      if (!one) {
        if (version === undefined)
          throw new UserError('conflict', `${app} has no release yet.`, 'Push it first: git push megapolos main')
        throw new UserError('not-found', `${app} has no release v${version}.`, `See them: releases ${app}`)
      }
      const before = list[at + 1]
      return {
        ...summarize(one, found),
        processes: Object.fromEntries(Object.entries(one.processes).map(([type, p]) => [type, shownCommand(p)])),
        config: Object.keys(one.config).sort(),
        attachments: [
          ...one.attachments.map(({ database, alias }) => `${database} (${alias})`),
          ...one.links.map((link) => `${linkHost(link)} (${linkVariable(link)})`),
        ],
        changes: before ? difference(before, one) : ['the first release'],
      }
    },
    text: (one) => [
      `v${one.version}${one.current ? ', which serves now' : ''}: ${one.description}`,
      ...facts([
        ['commit', one.commit],
        ['created', `${ago(one.createdAt)} by ${one.createdBy}`],
        ['config', one.config.join(', ') || 'none'],
        ['attached', one.attachments.join(', ') || 'nothing'],
        ...Object.entries(one.processes).map(([type, line]): [string, string] => [type, line]),
      ]),
      'Changed since the release before:',
      ...(one.changes.length > 0 ? one.changes : ['nothing']).map((line) => `  ${line}`),
    ],
  }),
  command({
    name: 'releases:rollback',
    summary: 'Go back to an earlier release: images, config vars and what is attached, at the scale of now',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, version: version.optional(), without, dryRun }),
    positional: ['app', 'version'],
    aliases: [{ name: 'rollback' }],
    result: change,
    examples: ['releases:rollback blog', 'releases:rollback blog v3'],
    run: async ({ app, version, ...options }, context, kernel) => {
      const [found, by] = await subject(app, context, kernel)
      return kernel.pipeline.rollback(found, version ?? null, by, options)
    },
    text: changeText,
  }),
]
