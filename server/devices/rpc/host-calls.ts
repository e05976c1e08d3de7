/** Answers what a driver asks of the kernel: checks the privilege, then the words, then calls the host of its device. */
import type { z } from 'zod'
import { UserError } from '../../errors.ts'
import type { DeviceContainer, DriverHost } from '../driver.ts'
import type { Gate } from '../privileges.ts'
import type { Handles } from './handles.ts'
import { type HandleCall, type HostCall, handleArguments, hostArguments } from './host-arguments.ts'

export type HostCalls = (method: string, params: unknown) => Promise<unknown>

/** `tell` takes a line for a progress that the driver was given with its own call, and handed on. */
export function createHostCalls(
  host: DriverHost,
  gate: Gate,
  handles: Handles,
  tell: (progress: number, line: string) => void,
): HostCalls {
  /** Images that the kernel made for this process: no other image of the machine may be looked into. */
  const images = new Set<string>()

  const lines = (asked: { readonly progress: number } | undefined) => (line: string) => {
    if (asked) tell(asked.progress, line)
  }
  const own: { [C in HostCall]: (...args: Args<C>) => Promise<unknown> } = {
    'node.exec': (options) => handles.run((signal) => host.node.exec({ ...options, signal })),
    'node.packages': (names, progress) => host.node.packages(names, lines(progress)),
    'node.serve': (server) => host.node.serve(server),
    'node.stop': (name) => host.node.stop(name),
    'containers.image': async (source, progress) => {
      const id = await host.containers.image(source, lines(progress))
      images.add(id)
      return id
    },
    'containers.ensure': (container) => {
      if (!images.has(container.image)) {
        throw new UserError(
          'refused',
          `${container.name} names an image that was not made for it.`,
          'Call containers.image first, and use the id that it returns.',
        )
      }
      return host.containers.ensure(container as DeviceContainer)
    },
    'containers.remove': (name, seconds) => host.containers.remove(name, seconds),
    'containers.restart': (name) => host.containers.restart(name),
    'containers.exec': (name, options) => handles.run((signal) => host.containers.exec(name, { ...options, signal })),
    'containers.state': (name) => host.containers.state(name),
    'containers.list': () => host.containers.list(),
    'containers.logs': (name, count) => host.containers.logs(name, count),
    'containers.removeVolume': (name) => host.containers.removeVolume(name),
    'network.endpoint': (name, port) => host.network.endpoint(name, port),
    'network.release': (name) => host.network.release(name),
    'secrets.get': (name) => host.secrets.get(name),
    'secrets.set': (name, value) => host.secrets.set(name, value),
  }
  const about = () => ({ device: host.device, system: host.system, settings: host.settings })
  const held: { [C in HandleCall]: (...args: z.output<(typeof handleArguments)[C]>) => unknown } = {
    'host.about': about,
    'streams.read': handles.read,
    'streams.write': handles.write,
    'streams.end': handles.end,
    'streams.pipe': handles.pipe,
    'streams.close': handles.close,
    'process.ended': handles.ended,
    'process.kill': handles.kill,
  }
  const calls = { ...own, ...held } as Record<string, (...args: unknown[]) => unknown>
  const schemas: Readonly<Record<string, z.ZodType<readonly unknown[]>>> = { ...hostArguments, ...handleArguments }

  return async (method, params) => {
    const schema = Object.hasOwn(schemas, method) ? schemas[method] : undefined
    const call = calls[method]
    if (!schema || !call) throw new UserError('not-found', `The kernel has no call ${method.slice(0, 60)}.`)
    gate(method, Array.isArray(params) ? params : [])
    const parsed = schema.safeParse(params ?? [])
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw new UserError('usage', `${method}: ${issue?.path.join('.') || 'the arguments'}: ${issue?.message}.`)
    }
    return (await call(...parsed.data)) ?? null
  }
}

type Args<C extends HostCall> = z.output<(typeof hostArguments)[C]>
