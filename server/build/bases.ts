/**
 * The images that generated Dockerfiles start from: `megapolos/<language>-{run,build}:<version>-<hash>`. Made here, once,
 * from the official image of Docker Hub or, without one, from Debian's archive. The hash of the recipe is part of the
 * name, so a changed recipe makes new ones by itself.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BuilderDriver } from '../devices/classes/builder.ts'
import type { Engine } from '../engine/engine.ts'
import { messageOf, UserError } from '../errors.ts'
import { fetchPackages, packFolder, withFolder } from './base-sources.ts'
import type { Bases, BuildpackManifest } from './buildpack.ts'
import { buildBase, ensureStack, hubAnswers, type Maker as ImageMaker, stackTag } from './stack.ts'

export interface BasesConfig {
  readonly mode: 'auto' | 'hub' | 'local'
  /** Folder of the buildpacks. */
  readonly buildpacks: string
  /** Label of the images: `megapolos.system`. */
  readonly system: string
}

export interface BaseImages extends Bases {
  /** Makes `node:24` and the like unless they are there; lines of the work go to `log`. Calls for the same base share one build. */
  ensure(base: string, log: (line: string) => void): Promise<void>
}

type Manifest = Required<Pick<BuildpackManifest, 'name' | 'base'>>

export function createBases(
  config: BasesConfig,
  builder: () => BuilderDriver,
  engine: Pick<Engine, 'image'>,
): BaseImages {
  const building = new Map<string, Promise<void>>()
  const maker = { config, builder, engine, system: config.system }
  return {
    versions: (language) => {
      const { versions, default: fallback } = readManifest(config, language).base
      return { all: versions, default: fallback }
    },
    reference: (language, version, kind) => reference(config, language, version, kind),
    ensure: async (base, log) => {
      const running = building.get(base)
      if (running) {
        log(`Waiting for the base ${base}, which another build is making`)
        return running
      }
      // No signal: the base is of use to others even if the push that asked for it is cancelled.
      const made = ensure(maker, base, log).finally(() => building.delete(base))
      building.set(base, made)
      return made
    },
  }
}

/** Names of all bases that this version of the program may ask for. */
export function currentBases(config: BasesConfig): Set<string> {
  const order = JSON.parse(readFileSync(join(config.buildpacks, 'order.json'), 'utf8')) as string[]
  const names = order.filter(hasBase).flatMap((language) =>
    readManifest(config, language).base.versions.flatMap((version) => {
      const run = reference(config, language, version, 'run')
      return [run, localOf(run), reference(config, language, version, 'build')]
    }),
  )
  return new Set([stackTag(), ...names])

  function hasBase(language: string): boolean {
    return existsSync(join(config.buildpacks, language, 'base'))
  }
}

interface Maker extends ImageMaker {
  readonly config: BasesConfig
}

async function ensure(maker: Maker, base: string, log: (line: string) => void): Promise<void> {
  const [language = '', named] = base.split(':')
  const manifest = readManifest(maker.config, language)
  const version = named ?? manifest.base.default
  if (!manifest.base.versions.includes(version)) {
    throw new UserError('usage', `There is no base ${base}; versions: ${manifest.base.versions.join(', ')}.`)
  }
  const run = reference(maker.config, language, version, 'run')
  const build = reference(maker.config, language, version, 'build')
  const recipe = join(maker.config.buildpacks, language, 'base')
  const hasBuild = readdirSync(recipe).includes('build.Dockerfile')
  const isThere = async (image: string) => (await maker.engine.image(image)) !== null
  const [hasRun, isComplete] = await Promise.all([isThere(run), hasBuild ? isThere(build) : true])
  if (!hasRun) {
    log(`Making the base image for ${language} ${version}, once; this takes a minute`)
    await makeRun(maker, manifest, version, run, log)
  }
  if (!isComplete) {
    log(`Making the build image for ${language} ${version}, once`)
    await buildRecipe(maker, { recipe, dockerfile: 'build.Dockerfile', from: run, tag: build }, log)
  }
}

async function makeRun(maker: Maker, manifest: Manifest, version: string, tag: string, log: (line: string) => void) {
  const recipe = join(maker.config.buildpacks, manifest.name, 'base')
  const make = (from: string) => buildRecipe(maker, { recipe, dockerfile: 'run.Dockerfile', from, tag }, log)
  const { mode } = maker.config
  if (mode === 'hub' || (mode === 'auto' && (await hubAnswers()))) {
    try {
      return await make(manifest.base.hub.replace('{version}', version))
    } catch (error) {
      if (mode === 'hub') throw error
      log(`Docker Hub did not help (${messageOf(error)}); going on with Debian's archive`)
    }
  }
  const stack = await ensureStack(maker, log)
  if (!manifest.base.local) return make(stack)
  const local = localOf(tag)
  const packages = Object.entries(manifest.base.local).map(
    ([file, name]) => [file, name.replace('{arch}', process.arch).replace('{version}', version)] as const,
  )
  log(`Fetching ${packages.map(([, name]) => name).join(' and ')}`)
  await withFolder(async (folder) => {
    await fetchPackages(packages, folder)
    await buildRecipe(maker, { recipe, dockerfile: 'local.Dockerfile', from: stack, tag: local, folder }, log)
  })
  return make(local)
}

/** Builds one Dockerfile of a recipe; the image to start from is its only argument. */
async function buildRecipe(
  maker: Maker,
  request: { recipe: string; dockerfile: string; from: string; tag: string; folder?: string },
  log: (line: string) => void,
): Promise<void> {
  const files = Object.fromEntries(
    readdirSync(request.recipe).map((name) => [name, readFileSync(join(request.recipe, name), 'utf8')]),
  )
  const text = files[request.dockerfile] as string
  files[request.dockerfile] = text.replace('ARG FROM\n', `ARG FROM=${request.from}\n`)
  files['ca-bundle.crt'] = caBundle()
  await withFolder(async (empty) => {
    const source = await packFolder(request.folder ?? empty)
    await buildBase(maker, { source, dockerfile: request.dockerfile, files, tag: request.tag }, log)
  })
}

function reference(config: BasesConfig, language: string, version: string, kind: 'run' | 'build'): string {
  const { base } = readManifest(config, language)
  const folder = join(config.buildpacks, language, 'base')
  const digest = createHash('sha256').update(JSON.stringify(base))
  for (const name of readdirSync(folder).sort()) digest.update(`\0${name}\0`).update(readFileSync(join(folder, name)))
  // Only what builds reaches out through a company's proxy, so only its image follows the operator's certificates.
  if (kind === 'build') digest.update(caBundle())
  return `megapolos/${language}-${kind}:${version}-${digest.digest('hex').slice(0, 10)}`
}

/** What a run base is made from where Docker Hub is not reached. */
function localOf(run: string): string {
  return run.replace('-run:', '-local:')
}

function readManifest(config: BasesConfig, language: string): Manifest {
  const known = JSON.parse(readFileSync(join(config.buildpacks, 'order.json'), 'utf8')) as string[]
  const manifest = known.includes(language)
    ? (JSON.parse(readFileSync(join(config.buildpacks, language, 'buildpack.json'), 'utf8')) as BuildpackManifest)
    : null
  if (!manifest?.base) throw new UserError('usage', `There are no bases for "${language}".`)
  return { name: manifest.name, base: manifest.base }
}

const hostBundle = '/etc/ssl/certs/ca-certificates.crt'

/** The server's own certificates, with those that its operator added; empty when it has none. */
function caBundle(): string {
  try {
    return readFileSync(hostBundle, 'utf8')
  } catch {
    return ''
  }
}

if (import.meta.main) {
  // Not awaited: the module imports this one, which would then wait for itself.
  import('./bases-cli.ts').then(async ({ ensureFromCommandLine }) => {
    process.exitCode = await ensureFromCommandLine(process.argv.slice(2))
  })
}
