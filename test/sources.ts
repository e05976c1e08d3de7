/** Every source file of the house with what it imports, for the tests that keep the map true. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

export interface Source {
  /** From the root of the checkout: `server/state/sqlite.ts`. */
  readonly path: string
  /** Where it belongs on the map: `state` for all of server/state, `drivers`, `views`; a file of server/ itself is its own place. */
  readonly place: string
  readonly text: string
  readonly lines: number
  readonly imports: readonly Import[]
}

export interface Import {
  /** A file as in `path`, or the name of a package. */
  readonly from: string
  readonly place: string | null
  readonly typeOnly: boolean
}

export const root = dirname(import.meta.dirname)

const folders = ['bench', 'buildpacks', 'drivers', 'hooks', 'server', 'test', 'views']
const notOurs = /(^|\/)(node_modules|public|example|apps|results)\//

/** TypeScript, Lua and shell alike; those without an extension are shell. */
export function sources(): Source[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    )
    .filter((path) => !notOurs.test(`${path}/`) && /(\.tsx?|\.lua|\.sh|^hooks\/[a-z-]+)$/.test(path))
    .sort()
    .map(read)
}

export const isTest = (source: Pick<Source, 'path'>) =>
  /(\.test\.tsx?$|-for-test\.ts$|^test\/|\/conformance\/)/.test(source.path)

/** Names in a folder of the checkout. */
export function listing(folder: string): string[] {
  return readdirSync(join(root, folder)).sort()
}

function read(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  return { path, place: placeOf(path), text, lines: text.split('\n').length - 1, imports: [...importsOf(path, text)] }
}

function placeOf(path: string): string {
  const [top = '', second = ''] = path.split('/')
  return top === 'server' ? second : top
}

const statement = /^\s*(?:import|export)\s(type\s)?[^'"]*?\bfrom\s+['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/gm

function* importsOf(path: string, text: string): Generator<Import> {
  for (const [, type, named, bare] of text.matchAll(statement)) {
    const specifier = named ?? bare ?? ''
    const local = specifier.startsWith('.')
    const from = local ? normalize(join(dirname(path), specifier)) : specifier
    yield { from, place: local ? placeOf(from) : null, typeOnly: type !== undefined }
  }
}
