/** Asks the buildpacks in their order; the first that knows the tree makes the plan. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Plan } from '../domain/build.ts'
import { UserError } from '../errors.ts'
import type { BuildpackManifest, Detect, SourceView, Surroundings } from './buildpack.ts'
import { parseProcfile } from './procfile.ts'

export async function makePlan(
  buildpacks: string,
  source: SourceView,
  around: Omit<Surroundings, 'procfile'>,
): Promise<Plan> {
  const text = await source.read('Procfile')
  const procfile = text === null ? null : parseProcfile(text)
  const names = JSON.parse(readFileSync(join(buildpacks, 'order.json'), 'utf8')) as string[]
  for (const name of names) {
    const { detect } = (await import(pathToFileURL(join(buildpacks, name, 'index.ts')).href)) as { detect: Detect }
    const plan = await detect(source, { ...around, procfile })
    if (plan) return withIgnores(plan, source)
  }
  throw nothingFits(buildpacks, names)
}

/** `.dockerignore` is for every buildpack; what never belongs into an image is left out in any case. */
async function withIgnores(plan: Plan, source: SourceView): Promise<Plan> {
  const ignore = [...plan.ignore]
  const warnings = [...plan.warnings]
  const own = await source.read('.dockerignore')
  if (own !== null) ignore.push(...own.split(/\r?\n/))
  const has = (test: (path: string) => boolean) => source.files.keys().some(test)
  if (has((path) => path === '.git' || path.startsWith('.git/'))) ignore.push('.git')
  if (source.files.has('.gitmodules'))
    warnings.push('Submodules are not fetched: their folders are empty in the build.')
  // The image of a user's own Dockerfile is the user's business.
  if (plan.hardened && has((path) => path === '.env' || path.endsWith('/.env'))) {
    ignore.push('**/.env')
    warnings.push('.env is left out of the image: set its values with config:set.')
  }
  return { ...plan, ignore, warnings }
}

function nothingFits(buildpacks: string, names: readonly string[]): UserError {
  const files = names.map((name) => {
    const manifest = JSON.parse(readFileSync(join(buildpacks, name, 'buildpack.json'), 'utf8')) as BuildpackManifest
    return manifest.looksFor
  })
  return new UserError(
    'refused',
    `Nothing in the pushed tree says how to build it: there is no ${files.slice(0, -1).join(', no ')} and no ${files.at(-1)}.`,
    'Add one of them at the top of the repository.',
  )
}
