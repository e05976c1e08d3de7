/** Every check, listed once. */
import type { AnyCheck } from './check.ts'
import { backups } from './checks/backups.ts'
import { certificates } from './checks/certificates.ts'
import { clock } from './checks/clock.ts'
import { containers } from './checks/containers.ts'
import { devices } from './checks/devices.ts'
import { disk } from './checks/disk.ts'
import { engine } from './checks/engine.ts'
import { firewall } from './checks/firewall.ts'
import { hooks } from './checks/hooks.ts'
import { jobs } from './checks/jobs.ts'
import { keys } from './checks/keys.ts'
import { lost } from './checks/lost.ts'
import { mounts } from './checks/mounts.ts'
import { names } from './checks/names.ts'
import { nameservers } from './checks/nameservers.ts'
import { port } from './checks/port.ts'
import { program } from './checks/program.ts'
import { redis } from './checks/redis.ts'
import { routes } from './checks/routes.ts'
import { store } from './checks/store.ts'

export const checks: readonly AnyCheck[] = [
  disk,
  store,
  redis,
  engine,
  port,
  routes,
  names,
  nameservers,
  clock,
  mounts,
  keys,
  hooks,
  firewall,
  program,
  containers,
  devices,
  lost,
  jobs,
  backups,
  certificates,
]
