/** What takes a while with databases, as jobs: made, destroyed, copied, written out, filled. */
import { pipeline, type Readable, Transform } from 'node:stream'
import type { DatabaseDriver, Dump } from '../devices/classes/database.ts'
import { bytesText } from '../domain/bytes.ts'
import type { Database } from '../domain/database.ts'
import type { Device } from '../domain/device.ts'
import { UserError } from '../errors.ts'
import type { JobQueue, JobRequest, RunningJob } from '../jobs/queue.ts'
import { lostContent } from '../state/lost.ts'
import type { Store } from '../state/store.ts'
import type { DatabaseAccess } from './access.ts'
import type { Databases } from './databases.ts'

export type DatabaseJobs = ReturnType<typeof createDatabaseJobs>

export interface DatabaseJobParts {
  readonly jobs: Pick<JobQueue, 'run'>
  readonly store: Pick<Store, 'databases'>
  readonly databases: Databases
  readonly access: Pick<DatabaseAccess, 'replace'>
}

type Asker = Pick<JobRequest, 'actor' | 'emit' | 'signal'>

export function createDatabaseJobs({ jobs, store, databases, access }: DatabaseJobParts) {
  const run = <T>(kind: string, asker: Asker, work: (job: RunningJob) => Promise<{ value: T; result: string }>) =>
    jobs.run<T>({ kind, app: null, ...asker }, work)

  /** Created, filled by `fill`, and there to stay; fails: gone again. */
  async function make(
    name: string,
    device: Device,
    asker: Asker,
    job: RunningJob,
    fill: (made: Database, driver: DatabaseDriver) => Promise<void>,
  ): Promise<void> {
    job.emit(`-----> Creating ${name} on ${device.name}`)
    const made = await databases.create(name, device, asker.actor)
    try {
      await fill(made, await databases.driverOf(made))
      await databases.ready(name)
      job.did({ do: 'create', what: `the database ${name}` })
    } catch (error) {
      await databases.undo(name)
      throw error
    }
  }

  /** One without content can only be filled. */
  async function ready(name: string, toFill = false): Promise<Database> {
    const found = await store.databases.get(name)
    if (found.lost && !toFill) throw lostContent('database', name)
    if (found.state === 'ready') return found
    const state = found.state === 'creating' ? 'is still being created' : 'is being destroyed'
    throw new UserError('conflict', `${name} ${state}.`, 'See it: db:list')
  }

  return {
    ready,

    create: (name: string, device: Device, asker: Asker) =>
      run('create', asker, async (job) => {
        await make(name, device, asker, job, async () => {})
        return { value: undefined, result: `${name} is there, on ${device.name}.` }
      }),

    destroy: (name: string, asker: Asker) =>
      run('destroy', asker, async (job) => {
        await databases.destroy(name, job.emit)
        job.did({ do: 'destroy', what: `the database ${name}` })
        return { value: undefined, result: `${name} is gone.` }
      }),

    /** Of the same driver: what one server wrote only its like can read. */
    clone: (from: Database, name: string, device: Device, asker: Asker) =>
      run('clone', asker, async (job) => {
        const dump = await (await databases.driverOf(from)).dump(from.handle, job.signal)
        await make(name, device, asker, job, (made, driver) => pour(dump, made, driver, job))
        return { value: undefined, result: `${name} is a copy of ${from.name}, on ${device.name}.` }
      }),

    /** Sends the bytes of a dump; throws when they were not whole. */
    export: (from: Database, write: (bytes: Buffer) => Promise<void>, asker: Asker) =>
      run('export', asker, async (job) => {
        const dump = await (await databases.driverOf(from)).dump(from.handle, job.signal)
        dump.contents.catch(() => {})
        let bytes = 0
        for await (const chunk of dump.bytes) {
          await write(chunk)
          bytes += chunk.length
        }
        await dump.contents
        return { value: undefined, result: `${from.name} was written out, ${bytesText(bytes)}.` }
      }),

    /** The bytes become its content: all of them, or it stays as it is. What was in it is kept, if anything was. */
    import: (into: Database, bytes: Readable, asker: Asker) =>
      run('import', asker, async (job) => {
        const driver = await databases.driverOf(into)
        const scratch = await databases.scratch(into.device)
        try {
          job.emit('-----> Reading the dump')
          await driver.restore(scratch.handle, counted(bytes, job), job.signal)
          const before = into.lost ? null : await driver.inspect(into.handle, job.signal)
          const { kept } = await access.replace(into, scratch, job)
          const empty = before !== null && before.tables.length === 0 && before.definitions.length === 0
          if (empty && kept !== null) await databases.destroy(kept, job.emit)
          const stays = empty ? null : kept
          const what = stays === null ? '' : ` What was in it before is ${stays} now.`
          return { value: { kept: stays }, result: `${into.name} has the content of the dump.${what}` }
        } finally {
          await scratch.drop()
        }
      }),
  }
}

async function pour(dump: Dump, to: Database, driver: DatabaseDriver, job: RunningJob): Promise<void> {
  dump.contents.catch(() => {})
  await driver.restore(to.handle, counted(dump.bytes, job), job.signal)
  await dump.contents
}

/** Says now and then how much it is. */
function counted(bytes: Readable, job: RunningJob): Readable {
  let size = 0
  let told = Date.now()
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length
      if (Date.now() - told >= 2_000) {
        told = Date.now()
        job.emit(`       ${bytesText(size)}`)
      }
      done(null, chunk)
    },
  })
  // Whoever reads hears of it when the bytes break off.
  return pipeline(bytes, count, () => {})
}
