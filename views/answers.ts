/** What pages ask, and what comes back: results of commands, the only data there is. */

export type Ask = <Name extends keyof Answers>(name: Name, args?: Record<string, unknown>) => Promise<Answers[Name]>

export interface Answers {
  'apps:list': AppSummary[]
  'apps:info': AppInfo
  'certs:report': NameReport[]
  releases: ReleaseSummary[]
  'releases:info': ReleaseInfo
  'builds:list': Build[]
  'builds:info': Build
  'jobs:list': Job[]
  'jobs:info': Job & { output: string[] }
  'devices:list': Device[]
  'server:version': { engine: string; redis: string }
  events: Event[]
  logs: LogLine[]
}

export interface AppSummary {
  id: string
  name: string
  state: string
  url: string
  release: number | null
  /** As last observed; empty while nobody observes. */
  processes: { type: string; wanted: number; running: number }[]
}

export interface AppInfo {
  id: string
  name: string
  state: string
  url: string
  branch: string | null
  release: number | null
  commit: string | null
  description: string | null
  releasedAt: string | null
  processes: { type: string; command: string; wanted: number; running: number; memory: number }[]
  domains: string[]
  /** Of each of them; empty where there is nothing to open. */
  urls: string[]
  maintenance: boolean
  createdAt: string
  createdBy: string
}

export interface NameReport {
  domain: string
  state: string
  expires: string | null
  failure: { problem: string; nextTry: string } | null
}

export interface ReleaseSummary {
  version: number
  current: boolean
  commit: string
  description: string
  createdAt: string
  createdBy: string
}

export interface ReleaseInfo extends ReleaseSummary {
  processes: Record<string, string>
  config: string[]
  changes: string[]
}

export interface Build {
  id: number
  commit: string
  buildpack: string | null
  state: string
  reused: boolean
  result: string | null
  startedAt: string
  endedAt: string | null
}

export interface Job {
  id: number
  kind: string
  app: string | null
  state: string
  actor: string
  operations: string[]
  result: string | null
  createdAt: string
  startedAt: string | null
  endedAt: string | null
}

export interface Device {
  name: string
  class: string
  driver: string
  as: string
  version: string | null
  node: string
  state: string
}

export interface Event {
  at: string
  kind: string
  app: string | null
  job: number | null
  text: string
}

export interface LogLine {
  at: string
  process: string
  text: string
}
