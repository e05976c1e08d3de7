/** What backups need of volumes: one to fill, which then becomes a volume, or takes the place of one. */
import { randomBytes } from 'node:crypto'
import type { Volume } from '../domain/volume.ts'
import type { Store } from '../state/store.ts'

export interface Scratch {
  /** An empty volume that nobody sees; one that a dead kernel left is removed by the next start. */
  scratch(): Promise<ScratchVolume>
}

export interface ScratchVolume {
  /** Directory of the node to fill. */
  readonly folder: string
  /** Becomes a volume of its own. Throws `conflict` when the name is taken. */
  keep(name: string, actor: string): Promise<Volume>
  /**
   * Takes the place of this one, with its name and its apps, where it is mounted at once in the place of the other, in use
   * or not. That one goes on under the returned name, unless its content was lost. At a path of its own an app sees it after its next rollout.
   */
  replace(volume: Volume): Promise<{ readonly kept: string | null }>
  /** Not an error once it has become something. */
  drop(): Promise<void>
}

export interface ScratchParts {
  readonly store: Pick<Store, 'volumes'>
  make(wanted: Pick<Volume, 'name' | 'path' | 'createdBy'>): Promise<Volume>
  open(volume: Volume): Promise<string>
  remove(volume: Volume): Promise<void>
  follow(app: string): Promise<void>
}

export function createScratch({ store, make, open, remove, follow }: ScratchParts): Scratch {
  return {
    async scratch() {
      const made = await make({ name: `scratch-${randomBytes(4).toString('hex')}`, path: null, createdBy: 'megapolos' })
      await store.volumes.move(made.id, 'creating', 'scratch')
      let ours = true
      return {
        folder: await open(made),
        async keep(name, actor) {
          await store.volumes.keep(made.id, name, actor)
          ours = false
          return store.volumes.get(name)
        },
        async replace(volume) {
          const kept = volume.lost ? null : keptName(volume.name, new Date())
          await store.volumes.replace(volume, made, kept)
          ours = false
          const apps = new Set((await store.volumes.attachments({ volume: made.id })).map(({ app }) => app))
          for (const app of apps) await follow(app)
          return { kept }
        },
        async drop() {
          if (ours) await remove(made)
        },
      }
    },
  }
}

/** `uploads-before-20260131-020000`: at most 39 characters, one less than a name may have. */
function keptName(name: string, now: Date): string {
  const time = now.toISOString().replaceAll(/[-:]/g, '').slice(0, 15).replace('T', '-')
  return `${name.slice(0, 16).replace(/-$/, '')}-before-${time}`
}
