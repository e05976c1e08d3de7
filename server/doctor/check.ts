/** What a check of `server:doctor` is: a probe that collects facts, and a judgement that reads nothing else. */
import { basename, join } from 'node:path'
import type { Config } from '../config.ts'
import type { ProxyDriver } from '../devices/classes/proxy.ts'
import type { Devices } from '../devices/devices.ts'
import type { RouteTable } from '../domain/route.ts'
import type { Engine } from '../engine/engine.ts'
import type { Live } from '../live/live.ts'
import type { Firewall } from '../network/firewall.ts'
import type { Store } from '../state/store.ts'

export interface Check<Facts> {
  /** One word, for programs: `disk`. */
  readonly name: string
  /** What was looked at, for the sentence that says that it could not be: `The disks could not be looked at …`. */
  readonly about: string
  /** Checks without which this one cannot look: when one of them finds something, it need not say that it could not. */
  readonly needs?: readonly string[]
  /** Asks, and changes nothing. What it throws, and that it does not come to an end, is a finding as well. */
  probe(house: House): Promise<Facts>
  judge(facts: Facts, commands: Commands): Finding[]
  /** What most likely helps when the probe fails. */
  remedy(commands: Commands): string
}

export interface Finding {
  /**
   * `error`: something does not work, or soon will not. `warning`: it works, and should not stay so. `note`: it may well
   * be meant; a machine with nothing but notes is healthy.
   */
  readonly severity: 'error' | 'warning' | 'note'
  /** One sentence, with figures. */
  readonly problem: string
  /** One command for root on the server, to be copied. */
  readonly fix: string
}

/** What probes ask. */
export interface House {
  readonly config: Config
  readonly engine: Pick<Engine, 'info' | 'list' | 'inspect'>
  readonly store: Pick<
    Store,
    'ping' | 'apps' | 'domains' | 'certificates' | 'jobs' | 'events' | 'backups' | 'schedules' | 'databases' | 'volumes'
  >
  readonly live: Pick<Live, 'apps' | 'available'>
  readonly proxy: () => ProxyDriver
  readonly devices: Pick<Devices, 'list' | 'archive'>
  readonly firewall: Pick<Firewall, 'missing'>
  /** The routes as the kernel wants them. */
  readonly routes: () => RouteTable
  readonly now: () => number
}

/** The words of commands on this installation. */
export interface Commands {
  /** A row of the command table, on the server's console: `megapolos domains:set-global example.com`. */
  kernel(words: string): string
  /** Starts one server anew: `redis`, `rqlite`, `kernel`, `proxy`. */
  restart(server: string): string
  installer(words: string): string
  /** The installer of a copy of the repository, for an installation in which something is missing. */
  checkout(words: string): string
}

export function commandsOf({ home, program }: Pick<Config, 'home' | 'program'>): Commands {
  const installer = (words: string) => `${join(program, 'install.sh')} ${words} --home ${home}`
  return {
    kernel: (words) => `${basename(home)} ${words}`,
    restart: (server) => installer(`restart ${server}`),
    installer,
    checkout: (words) => `./install.sh ${words} --home ${home}`,
  }
}

/** Infers the facts of a check where it is written. */
export function check<Facts>(one: Check<Facts>): Check<Facts> {
  return one
}

// biome-ignore lint/suspicious/noExplicitAny: a list of checks with different facts
export type AnyCheck = Check<any>
