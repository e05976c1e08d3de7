/** What commands may use: the parts of the house, without its SQL and its engine. `main.ts` puts it together. */
export interface Kernel {
  readonly placeholder: never
}
