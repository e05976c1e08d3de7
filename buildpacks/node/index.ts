/** Node.js apps with npm: package.json → plan. */
import type { Detect, SourceView, Surroundings } from '../../server/build/buildpack.ts'
import { UserError } from '../../server/errors.ts'
import { nodeDockerfile } from './dockerfile.ts'
import { checkLockfile, type PackageJson, parsePackageJson } from './package-json.ts'
import { type Choice, chooseNode, type Wish } from './version.ts'

export const detect: Detect = async (source, around) => {
  const text = await source.read('package.json')
  if (text === null) return null
  const json = parsePackageJson(text)
  refuseOtherManagers(source, json)
  const lock = await source.read('package-lock.json', 32 * 1024 * 1024)
  if (lock !== null) checkLockfile(json, lock)

  const node = chooseNode(await readWish(source, json), around.bases.versions('node'))
  const command = around.procfile ? null : webCommand(source, json)
  const script = buildScript(json)
  const hasDependencies = [json.dependencies, script ? json.devDependencies : {}, json.optionalDependencies].some(
    (group) => Object.keys(group).length > 0,
  )
  return {
    buildpack: 'node',
    summary: [title(node)],
    dockerfile: nodeDockerfile({
      build: around.bases.reference('node', node.version, 'build'),
      run: around.bases.reference('node', node.version, 'run'),
      configHash: around.configHash,
      manifests: manifests(source),
      install: lock === null ? 'npm install' : 'npm ci',
      hasDependencies,
      needsTree: hasDependencies && needsTree(json),
      script,
      command,
    }),
    files: {},
    ignore: [],
    bases: [`node:${node.version}`],
    seesConfig: script !== null,
    processes: around.procfile ?? { web: command },
    hardened: true,
    warnings: warnings(node, hasDependencies && lock === null, around),
  }
}

function refuseOtherManagers(source: SourceView, json: PackageJson): void {
  if (source.files.has('package-lock.json')) return
  const lockfile = ['yarn.lock', 'pnpm-lock.yaml', 'bun.lock', 'bun.lockb'].find((name) => source.files.has(name))
  const manager = json.packageManager?.match(/^(yarn|pnpm|bun)@/)?.[1]
  if (!lockfile && !manager) return
  throw new UserError(
    'refused',
    lockfile
      ? `The app has ${lockfile}, but only npm is supported so far.`
      : `package.json asks for ${manager}, but only npm is supported so far.`,
    'Run "npm install" and commit package-lock.json, or add a Dockerfile.',
  )
}

/** Nobody wishes at more length, and comparing it would take the kernel's time. */
const longestWish = 200

async function readWish(source: SourceView, json: PackageJson): Promise<Wish | null> {
  if (json.engines) return short({ text: json.engines, from: 'engines' })
  for (const name of ['.nvmrc', '.node-version']) {
    const text = (await source.read(name))?.replace(/#.*/g, '').trim()
    if (text) return short({ text, from: name })
  }
  return null
}

function short(wish: Wish): Wish {
  if (wish.text.length <= longestWish) return wish
  throw new UserError('refused', `${wish.from} asks for a Node version in more than ${longestWish} characters.`)
}

/** The start script itself rather than `npm start`: npm would stay in memory beside the app and slow every start. */
function webCommand(source: SourceView, json: PackageJson): string {
  const { start, prestart, poststart } = json.scripts
  if (start) return prestart || poststart || start.includes('npm_') ? 'npm start' : start
  const file = [json.main, 'server.js', 'index.js'].find((name) => name && source.files.get(name)?.kind === 'file')
  if (file) return `node ${/^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`}`
  throw new UserError(
    'refused',
    'Nothing says how to start the app: package.json has no start script, and there is no Procfile, server.js or index.js.',
    'Add a Procfile with a line such as "web: node app.js".',
  )
}

/** Heroku's name stands in for the usual one. */
function buildScript(json: PackageJson): string | null {
  return ['heroku-postbuild', 'build'].find((name) => json.scripts[name]) ?? null
}

function needsTree(json: PackageJson): boolean {
  const all = { ...json.dependencies, ...json.devDependencies, ...json.optionalDependencies }
  const local = Object.values(all).some((version) => /^(file:|link:|\.)/.test(version))
  const hooks = ['preinstall', 'install', 'postinstall', 'prepare'].some((name) => json.scripts[name])
  return json.hasWorkspaces || local || hooks
}

/** Prisma writes its client into node_modules while packages are installed, from the schema in this folder. */
function manifests(source: SourceView): string[] {
  const names = ['package.json', 'package-lock.json', '.npmrc'].filter((name) => source.files.has(name))
  return source.files.has('prisma/schema.prisma') ? [...names, 'prisma/'] : names
}

function title(node: Choice): string {
  return node.asked ? `Node ${node.version} (${node.asked})` : `Node ${node.version}`
}

function warnings(node: Choice, isUnlocked: boolean, around: Surroundings): string[] {
  const all: string[] = []
  if (node.warning) all.push(node.warning)
  if (isUnlocked) all.push('There is no package-lock.json: versions of packages may differ from build to build.')
  if (around.procfile && !around.procfile.web) all.push('The Procfile has no web process: the app answers no requests.')
  return all
}
