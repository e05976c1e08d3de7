/**
 * What a driver that is not trusted may hand to the kernel. A granted privilege opens a call, not the machine behind it:
 * images are those that the kernel made for this driver, capabilities are Docker's own set at most, and a Dockerfile line
 * reaches nothing but the inside of its build.
 */
import { z } from 'zod'

const name = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,59}$/, 'must be lower-case letters, digits, - and _, at most 60')
const text = z.string().max(1024 ** 2)
const words = z.array(z.string().max(100_000)).min(1).max(1000)
const env = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a name of a variable'), text)
const user = z.string().regex(/^[a-z0-9_][a-z0-9_-]{0,31}(:[a-z0-9_-]{1,32})?$/, 'must be a user, or user:group')
const packages = z.array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'must be names of Debian packages')).max(50)
const exec = z.strictObject({ command: words, env: env.optional(), user: user.optional() })
const progress = z.strictObject({ progress: z.int() })
const stopSignal = z.enum(['SIGTERM', 'SIGINT', 'SIGQUIT'])
const seconds = z.number().int().min(0).max(600)

/** An official image of Docker Hub: no other registry, and none of the images that this machine already has. */
const hub = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]*:[\w][\w.-]{0,60}$/, 'must be an official image with its version, such as nginx:1.28')
/** No flags: with them a line mounts files, or uses the network of the machine. */
const line = z
  .string()
  .regex(/^(?:RUN|ENV|USER|WORKDIR) (?!\s*--)(?!.*<<)[^\n\r]+$/, 'must be one RUN, ENV, USER or WORKDIR')

/** Docker's default set. */
const capabilities = [
  ...['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'NET_RAW'],
  ...['SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT', 'AUDIT_WRITE'],
] as const

const path = z
  .string()
  .regex(/^\/[^\0]*$/, 'must be an absolute path')
  .max(500)

const container = z.strictObject({
  name,
  image: z.string().max(200),
  command: words.nullable(),
  env,
  user: user.optional(),
  memory: z
    .int()
    .min(4)
    .max(1024 ** 2),
  volumes: z.record(path, name),
  files: z.record(path, text).optional(),
  ports: z.record(z.string().regex(/^\d{1,5}$/, 'must be a port'), name),
  stopTimeout: seconds,
  capabilities: z.array(z.enum(capabilities)).optional(),
})

/** Positional, in the order of `DriverHost`; where that takes a function, here goes the progress that the driver was given. */
export const hostArguments = {
  'node.exec': z.tuple([exec]),
  'node.packages': z.tuple([packages, progress.optional()]),
  'node.serve': z.tuple([z.strictObject({ name, command: words, user, stopSignal: stopSignal.optional() })]),
  'node.stop': z.tuple([name]),
  'containers.image': z.tuple([
    z.strictObject({
      hub: hub.nullable(),
      debian: z.strictObject({ packages, lines: z.array(line).max(50) }),
      debianVersion: z.string().max(20).exactOptional(),
    }),
    progress.optional(),
  ]),
  'containers.ensure': z.tuple([container]),
  'containers.remove': z.tuple([name, seconds.optional()]),
  'containers.restart': z.tuple([name]),
  'containers.exec': z.tuple([name, exec]),
  'containers.state': z.tuple([name]),
  'containers.list': z.tuple([]),
  'containers.logs': z.tuple([name, z.int().min(1).max(10_000)]),
  'containers.removeVolume': z.tuple([name]),
  'network.endpoint': z.tuple([name, z.int().min(1).max(65_535)]),
  'network.release': z.tuple([name]),
  'secrets.get': z.tuple([z.string().min(1).max(100)]),
  'secrets.set': z.tuple([z.string().min(1).max(100), z.string().max(100_000).nullable()]),
} as const
export type HostCall = keyof typeof hostArguments

/** Of what the driver holds already, or is: no privilege is needed. */
export const handleArguments = {
  'host.about': z.tuple([]),
  'streams.read': z.tuple([
    z.int(),
    z
      .int()
      .min(1)
      .max(1024 ** 2),
  ]),
  'streams.write': z.tuple([z.int(), z.base64().max(2 * 1024 ** 2)]),
  'streams.end': z.tuple([z.int()]),
  'streams.pipe': z.tuple([z.int(), z.int()]),
  'streams.close': z.tuple([z.int()]),
  'process.ended': z.tuple([z.int()]),
  'process.kill': z.tuple([z.int()]),
} as const
export type HandleCall = keyof typeof handleArguments
