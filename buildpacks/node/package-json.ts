/** package.json and package-lock.json, as far as the build needs them. */
import { parseJsonFile } from '../../server/build/json.ts'
import { UserError } from '../../server/errors.ts'

export interface PackageJson {
  readonly main: string | null
  readonly packageManager: string | null
  readonly engines: string | null
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
  readonly hasWorkspaces: boolean
}

export function parsePackageJson(text: string): PackageJson {
  const json = parse('package.json', text)
  const engines = texts(json.engines)
  return {
    main: typeof json.main === 'string' ? json.main : null,
    packageManager: typeof json.packageManager === 'string' ? json.packageManager : null,
    engines: engines.node?.trim() || null,
    scripts: texts(json.scripts),
    dependencies: texts(json.dependencies),
    devDependencies: texts(json.devDependencies),
    optionalDependencies: texts(json.optionalDependencies),
    hasWorkspaces: json.workspaces !== undefined,
  }
}

/** Throws when the lockfile lacks a package that package.json asks for: `npm ci` would say the same, half a minute later and longer. */
export function checkLockfile(json: PackageJson, text: string): void {
  const lock = parse('package-lock.json', text)
  // Version 1 has no list of packages; npm itself looks at those.
  if (typeof lock.packages !== 'object' || lock.packages === null) return
  const locked = lock.packages
  const missing = Object.keys({ ...json.dependencies, ...json.devDependencies }).filter(
    (name) => !Object.hasOwn(locked, `node_modules/${name}`),
  )
  if (missing.length === 0) return
  throw new UserError(
    'refused',
    `package-lock.json does not match package.json: it lacks ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ' and others' : ''}.`,
    'Run "npm install" and commit package-lock.json.',
  )
}

function parse(name: string, text: string): Record<string, unknown> {
  const json = parseJsonFile(name, text)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new UserError('refused', `${name} must hold an object.`)
  }
  return json as Record<string, unknown>
}

function texts(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).filter(([, text]) => typeof text === 'string'))
}
