/** What a driver's own test gives the suite of the class `builder`. */
import type { BuilderDriver } from '../../server/devices/classes/builder.ts'
import type { Promises } from './promises.ts'

export interface BuilderUnderTest {
  readonly driver: BuilderDriver
  /** An image with a POSIX shell to start from. */
  readonly base: string
  /** `name=value`, of every image that the suite makes: the value is of this run alone. */
  readonly label: string
  /** Seconds that a build of one step may take. */
  readonly patience: number
  /** Runs a command in an image and returns its standard output. */
  run(image: string, command: readonly string[]): Promise<string>
  /** Everything that the image says about how it was made. */
  history(image: string): Promise<string>
  labels(image: string): Promise<Record<string, string>>
  /** Command lines of the processes that builds have on this node now. */
  processes(): Promise<string>
  /** Removes every image with the label. */
  remove(): Promise<void>
}

export type BuilderPromises = Promises<BuilderUnderTest>
