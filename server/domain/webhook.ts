/** Whoever is told of bad news. */
export interface Webhook {
  readonly id: number
  readonly url: string
  readonly createdAt: string
  readonly createdBy: string
}
