/** Who goes next: one lane for each app, first come, first served. */

export interface Lane<T> {
  /** Those that are ahead of it now; the first of them runs. */
  ahead(): readonly T[]
  /** Resolves when nobody is ahead any more. */
  readonly turn: Promise<void>
  leave(): void
}

interface Waiting<T> {
  readonly member: T
  readonly go: () => void
}

export function createLanes<T>(): { enter(name: string, member: T): Lane<T> } {
  const lanes = new Map<string, Waiting<T>[]>()

  return {
    enter(name, member) {
      const lane = lanes.get(name) ?? []
      lanes.set(name, lane)
      const { promise: turn, resolve: go } = Promise.withResolvers<void>()
      const own = { member, go }
      lane.push(own)
      if (lane[0] === own) go()

      const ahead = () => lane.slice(0, Math.max(0, lane.indexOf(own))).map((waiting) => waiting.member)
      const leave = () => {
        const index = lane.indexOf(own)
        if (index < 0) return
        lane.splice(index, 1)
        if (lane.length === 0) lanes.delete(name)
        lane[0]?.go()
      }
      return { ahead, turn, leave }
    },
  }
}
