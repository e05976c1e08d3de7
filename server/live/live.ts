/** What may be lost: live container state, log tails, wake-ups. Redis carries it; without Redis it is empty and quiet. */

export interface Live {
  /** False while Redis is away; the panel says that live updates pause. */
  available(): boolean
  /** Mirrors the state of an app for whoever watches; replaces what was there. */
  setApp(app: string, state: LiveApp): Promise<void>
  apps(): Promise<Readonly<Record<string, LiveApp>>>
  forget(app: string): Promise<void>
  /** Keeps the last lines of a container that is about to be removed; at most 1,000 an app. */
  keepLog(app: string, lines: readonly KeptLine[]): Promise<void>
  keptLog(app: string, limit: number): Promise<KeptLine[]>
  /** Wakes whoever watches this topic: `apps`, `app:<id>`, `jobs`, `job:<id>`. Never throws. */
  wake(topic: string): void
  /** Calls back at each wake-up of any topic, and with `'*'` after a reconnect; returns the end of it. */
  watch(onWake: (topic: string) => void): () => void
  close(): Promise<void>
}

export interface LiveApp {
  readonly name: string
  /** What a person reads: `running`, `deploying`, `degraded`, `stopped`, `empty`. */
  readonly state: 'running' | 'deploying' | 'degraded' | 'stopped' | 'empty'
  readonly release: number | null
  readonly processes: Readonly<Record<string, { readonly wanted: number; readonly running: number }>>
}

export interface KeptLine {
  readonly at: string
  /** `web.1` */
  readonly process: string
  readonly release: number
  readonly text: string
}
