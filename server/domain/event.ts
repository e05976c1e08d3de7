/** What happened on the server, as a person asks for it the next morning. */

export const eventKinds = ['app', 'job-began', 'job-ended', 'container', 'device', 'kernel', 'login', 'doctor'] as const
export type EventKind = (typeof eventKinds)[number]

export interface Event {
  readonly id: number
  readonly at: string
  readonly kind: EventKind
  /** Id of the app that it is about, or null. */
  readonly app: string | null
  /** What the app was called then: it may have another name by now, or be gone. */
  readonly appName: string | null
  readonly job: number | null
  /** One sentence, without a secret. */
  readonly text: string
}
