/** One command that is disturbed while the app is under load. */
import type { InSystem } from '../in-system.ts'
import type { Load } from '../load.ts'
import type { Started } from '../person.ts'
import type { Change } from './changes.ts'

export interface Cell {
  readonly at: InSystem
  readonly change: Change
  /** Folder of the archive. */
  readonly disk: string
  readonly load: Load
  readonly running: Started
  /** Of the app, before. */
  readonly group: string
}
