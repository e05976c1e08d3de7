/** Containers that run one command and go: those of this kernel, and those that one that died left behind. */
import type { ContainerSpec } from '../engine/container-spec.ts'
import type { RolloutParts } from './parts.ts'

export interface OneOffContainers {
  /** Not started yet. `remove` never rejects: what cannot be removed now is a left-over from then on. */
  create(spec: ContainerSpec): Promise<{ readonly id: string; remove(): Promise<void> }>
  removeLeftOvers(): Promise<void>
}

export function createOneOffContainers({ engine, log }: Pick<RolloutParts, 'engine' | 'log'>): OneOffContainers {
  /** By name, which is known before the engine has it: so none of ours is ever taken for a left-over. */
  const ours = new Set<string>()

  return {
    async create(spec) {
      ours.add(spec.name)
      const forget = () => void ours.delete(spec.name)
      const notRemoved = (error: unknown) => log.error('rollout.one-off-not-removed', error, { container: spec.name })
      const id = await engine.create(spec).catch((error) => {
        forget()
        throw error
      })
      return { id, remove: () => engine.remove(id).catch(notRemoved).finally(forget) }
    },
    async removeLeftOvers() {
      for (const { id, name } of await engine.listOneOff()) {
        if (ours.has(name)) continue
        log.info('rollout.leftover-removed', { container: name })
        await engine.remove(id)
      }
    },
  }
}
