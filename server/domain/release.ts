/** A release: images + commands + config vars + what attachments inject, numbered, never changed afterwards. */

import type { AttachmentReference } from './database.ts'
import { type LinkReference, linkHost } from './link.ts'

/** What one process type runs. */
export interface Process {
  /** Image id (`sha256:…`). */
  readonly image: string
  /** Words to run instead of the image's own command; null runs the image's. */
  readonly command: readonly string[] | null
  /** Port that a web process is told to listen on (`PORT`); null for the others. */
  readonly port: number | null
}

export interface Release {
  readonly app: string
  readonly version: number
  /** Commit that was pushed; a release made by `config:set` has that of the release before it. */
  readonly commit: string
  /** Tree of that commit: the same tree and plan are never built twice. */
  readonly tree: string
  /** The build that made the images, or null when they were carried over. */
  readonly build: number | null
  readonly processes: Readonly<Record<string, Process>>
  /** True for images from a generated Dockerfile: they run as user 1000 without any capability. */
  readonly hardened: boolean
  readonly checks: Checks
  readonly config: Readonly<Record<string, string>>
  /** What else its containers get in their environment, resolved when they are made. */
  readonly attachments: readonly AttachmentReference[]
  /** Apps that it may call by name. */
  readonly links: readonly LinkReference[]
  /** What made it, as a person would say it: `Push 4f2c9e1`, `Set API_KEY`, `Rollback to v3`. */
  readonly description: string
  readonly createdAt: string
  readonly createdBy: string
}

/** From app.json `healthchecks.web`; without one any answer below 500 on `/` will do. */
export interface Checks {
  readonly path: string | null
  /** Seconds a web process has to answer, default 60. */
  readonly timeout: number
}

export const defaultChecks: Checks = { path: null, timeout: 60 }

/** What a process runs, as a person reads it. */
export function shownCommand(process: Process | undefined): string {
  return process?.command?.at(-1) ?? 'the image’s own command'
}

/** Names of the process types that run continuously; `release` runs once a release. */
export function runningTypes(release: Pick<Release, 'processes'>): string[] {
  return Object.keys(release.processes).filter((type) => type !== 'release')
}

/** One line a difference, for `releases:info` and `releases:rollback`. Values of config vars are never shown. */
export function difference(from: Release, to: Release): string[] {
  const lines: string[] = []
  if (from.commit !== to.commit) lines.push(`commit ${from.commit.slice(0, 7)} → ${to.commit.slice(0, 7)}`)
  for (const type of union(from.processes, to.processes)) {
    const [a, b] = [from, to].map(({ processes }) => (Object.hasOwn(processes, type) ? processes[type] : undefined))
    if (!a) lines.push(`process ${type} appears`)
    else if (!b) lines.push(`process ${type} goes`)
    else {
      if (a.image !== b.image) lines.push(`image of ${type} ${short(a.image)} → ${short(b.image)}`)
      if (JSON.stringify(a.command) !== JSON.stringify(b.command)) lines.push(`command of ${type} changes`)
    }
  }
  for (const key of union(from.config, to.config)) {
    if (!Object.hasOwn(from.config, key)) lines.push(`config ${key} is set`)
    else if (!Object.hasOwn(to.config, key)) lines.push(`config ${key} is unset`)
    else if (from.config[key] !== to.config[key]) lines.push(`config ${key} changes`)
  }
  for (const { alias, database } of missing(from.attachments, to.attachments))
    lines.push(`${alias} of ${database} goes`)
  for (const { alias, database } of missing(to.attachments, from.attachments))
    lines.push(`${alias} of ${database} is attached`)
  for (const link of missing(from.links, to.links)) lines.push(`link to ${linkHost(link)} goes`)
  for (const link of missing(to.links, from.links)) lines.push(`${linkHost(link)} is linked`)
  return lines
}

function missing<T>(of: readonly T[], from: readonly T[]): readonly T[] {
  const there = new Set(from.map((one) => JSON.stringify(one)))
  return of.filter((one) => !there.has(JSON.stringify(one)))
}

function union(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
}

function short(image: string): string {
  return image.replace(/^sha256:/, '').slice(0, 12)
}
