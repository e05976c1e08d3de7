/** Commands that people run beside the app: in a fresh container (`run`) or in one that serves (`enter`). */
import { type App, defaultMemory } from '../domain/app.ts'
import { placeName } from '../domain/container.ts'
import type { Release } from '../domain/release.ts'
import { oneOffSpec } from '../engine/container-spec.ts'
import type { Session } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import { internalHosts } from '../network/internal.ts'
import { newGroup } from './deploy.ts'
import { ensureNetwork } from './group.ts'
import type { OneOffContainers } from './one-off-containers.ts'
import type { RolloutParts } from './parts.ts'

export interface OneOff {
  /** With the image, config vars and network of the release; the container is removed when the command has ended. */
  run(app: App, release: Release, options: OneOffOptions): Promise<Session>
  /** In the running container of this name (`web.1`); throws `not-found` naming those that run. */
  enter(app: App, container: string, options: OneOffOptions): Promise<Session>
}

export interface OneOffOptions {
  readonly command: readonly string[]
  readonly tty: boolean
}

export function createOneOff(parts: RolloutParts, oneOffs: OneOffContainers): OneOff {
  const { engine, system } = parts
  return {
    async run(app, release, { command, tty }) {
      const process = release.processes.web ?? Object.values(release.processes)[0]
      if (!process) throw new UserError('conflict', `v${release.version} of ${app.name} has no process to run in.`)
      const config = await parts.environment(release, 'serving')
      const { name: network } = await ensureNetwork(parts, app)
      const place = { app: app.id, process: 'run', index: 1, release: release.version, group: newGroup() }
      const { id, remove } = await oneOffs.create(place, (mounts) =>
        oneOffSpec({
          system,
          appName: app.name,
          place,
          process: { ...process, command, port: null },
          config,
          commit: release.commit,
          hardened: release.hardened,
          network,
          hosts: internalHosts(release.links, parts.pool),
          memory: defaultMemory,
          tty,
          stdin: true,
          mounts,
        }),
      )
      try {
        const session = await engine.attach(id, { tty })
        return { ...session, exit: session.exit.finally(remove), kill: () => session.kill().finally(remove) }
      } catch (error) {
        await remove()
        throw error
      }
    },
    async enter(app, container, { command, tty }) {
      const running = (await engine.list(app.id)).filter(
        ({ state, group }) => state === 'running' && group === app.group,
      )
      const found = running.find((candidate) => placeName(candidate) === container)
      if (found) return engine.exec(found.id, { command, tty, env: tty ? ['TERM=xterm-256color'] : [] })
      const names = running.map(placeName).sort()
      throw new UserError(
        'not-found',
        `${app.name} has no running container ${container}.`,
        names.length > 0
          ? `These run: ${names.join(', ')}`
          : `Nothing of it runs; for a fresh container: run ${app.name} sh`,
      )
    },
  }
}
