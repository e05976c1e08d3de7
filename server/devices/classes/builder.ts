/** The `builder` class: a source tree and a Dockerfile become an image. */

export interface BuilderDriver {
  /**
   * Builds and tags. Lines of the build go to `log` as they come. Throws `refused` with the failing step and the last
   * lines when the build fails, `cancelled` when `signal` aborts, `unavailable` when the builder does not answer.
   */
  build(request: BuildRequest, log: (line: string) => void, signal: AbortSignal): Promise<{ readonly image: string }>
}

export interface BuildRequest {
  /** Whose cache mounts it sees, under whatever names: one app can never read or poison another's cache. */
  readonly app: string
  /** A tar of the source tree, uncompressed, as `git archive` writes it. */
  readonly source: string
  /** Path of the Dockerfile in the source or among the added files. */
  readonly dockerfile: string
  /** Lines of a .dockerignore: what of the source the build must not see. Added files are not subject to it. */
  readonly ignore: readonly string[]
  /** Files to add to the source, path → text. Each takes the place of one in the source that `ignore` leaves out. */
  readonly files: Readonly<Record<string, string>>
  readonly tag: string
  readonly labels: Readonly<Record<string, string>>
  /** Name → content, for `RUN --mount=type=secret,id=NAME`; never in a layer or in the image's history. */
  readonly secrets: Readonly<Record<string, string>>
}
