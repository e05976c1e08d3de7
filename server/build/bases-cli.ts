/** `node server/build/bases.ts --ensure node:24 static`: makes bases before the first push does, for the installer. */
import { request } from 'node:http'
import { join } from 'node:path'
import { createDriver } from '../../drivers/docker/index.ts'
import { readConfig } from '../config.ts'
import type { Engine } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import { createLog } from '../log.ts'
import { createBases } from './bases.ts'

export async function ensureFromCommandLine(args: readonly string[]): Promise<number> {
  const [flag, ...bases] = args
  if (flag !== '--ensure' || bases.length === 0) {
    console.error('Usage: node server/build/bases.ts --ensure <language>[:<version>] …')
    return 64
  }
  try {
    const config = readConfig()
    const host = {
      folder: config.home,
      system: 'megapolos',
      settings: {},
      engineSocket: config.docker,
      log: createLog(),
    }
    const builder = createDriver(host)
    const options = { mode: config.bases, buildpacks: join(config.program, 'buildpacks'), system: 'megapolos' }
    const images = createBases(options, () => builder, imagesAt(config.docker))
    for (const base of bases) {
      await images.ensure(base, (line) => console.log(`       ${line}`))
      console.log(`       ${base} is ready`)
    }
    return 0
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    for (const line of [error.message, error.hint, ...error.detail]) if (line) console.error(`       ${line}`)
    return 1
  }
}

/** The one question of the engine that is asked here; the kernel's own client would be a lot for it. */
function imagesAt(socketPath: string): Pick<Engine, 'image'> {
  return {
    image: (reference) => {
      const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<Engine['image']>>>()
      const get = request({ socketPath, path: `/images/${reference}/json` }, (response) => {
        response.resume()
        if (response.statusCode === 200) resolve({ id: reference, ports: [], user: '' })
        else if (response.statusCode === 404) resolve(null)
        else reject(new UserError('unavailable', `Docker answers ${response.statusCode} for the image ${reference}.`))
      })
      get.on('error', (error) =>
        reject(new UserError('unavailable', `Docker does not answer at ${socketPath}: ${error.message}.`)),
      )
      get.end()
      return promise
    },
  }
}
