/** Containers that run one command and go: those of this kernel, and those that one that died left behind. */
import type { Place } from '../domain/container.ts'
import { folderName, type GroupProcess, type Mount } from '../domain/group.ts'
import type { ContainerSpec } from '../engine/container-spec.ts'
import type { RolloutParts } from './parts.ts'

export interface OneOffContainers {
  /** Not started yet. `remove` never rejects: what cannot be removed now is a left-over from then on. */
  create(
    place: Place,
    spec: (mounts: readonly Mount[]) => ContainerSpec,
  ): Promise<{ readonly id: string; remove(): Promise<void> }>
  /** One of this group is being made, runs, or is being removed. */
  has(one: GroupProcess): boolean
  removeLeftOvers(): Promise<void>
}

export function createOneOffContainers(parts: Pick<RolloutParts, 'engine' | 'groups' | 'log'>): OneOffContainers {
  const { engine, groups, log } = parts
  /** By group, which is known before the engine has it: so none of ours is ever taken for a left-over. */
  const ours = new Set<string>()

  return {
    async create(place, spec) {
      ours.add(folderName(place))
      const removed = () => groups.release(place)
      const forget = () => void ours.delete(folderName(place))
      const notRemoved = (error: unknown) => log.error('rollout.one-off-not-removed', error, { group: place.group })
      const made = groups.prepare(place).then((mounts) => engine.create(spec(mounts)))
      const id = await made.catch(async (error) => {
        await removed()
        forget()
        throw error
      })
      return { id, remove: () => engine.remove(id).then(removed).catch(notRemoved).finally(forget) }
    },
    has: (one) => ours.has(folderName(one)),
    async removeLeftOvers() {
      for (const { id, name, ...one } of await engine.listOneOff()) {
        if (ours.has(folderName(one))) continue
        log.info('rollout.leftover-removed', { container: name })
        await engine.remove(id)
        await groups.release(one)
      }
    },
  }
}
