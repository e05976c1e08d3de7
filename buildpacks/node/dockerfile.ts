/** The Dockerfile of a Node app, in one of three forms. Dependencies are a layer of their own that survives code changes. */

export interface Parts {
  readonly build: string
  readonly run: string
  readonly configHash: string
  /** Files that decide what is installed. */
  readonly manifests: readonly string[]
  /** `npm ci` or `npm install`. */
  readonly install: string
  readonly hasDependencies: boolean
  /** The installation needs the whole tree: workspaces, local packages, or scripts that npm runs by itself. */
  readonly needsTree: boolean
  /** Name of the script to run in the build. */
  readonly script: string | null
  readonly command: string | null
}

export function nodeDockerfile(parts: Parts): string {
  const stages = parts.needsTree ? treeStages(parts) : separateStages(parts)
  return `${[...stages, finalStage(parts)].join('\n\n')}\n`
}

/** Everything happens in one stage; the result is copied as a whole. */
function treeStages(parts: Parts): string[] {
  const lines = [...start(parts, 'build'), 'COPY . .', run([npmCache], `${parts.install} --include=dev`)]
  if (parts.script) lines.push(...buildScript(parts, []))
  lines.push(run([npmCache], 'npm prune --omit=dev'))
  return [lines.join('\n')]
}

/**
 * Only the manifests go into the stage that installs. The build script sees its node_modules through a mount: they
 * never become part of the layer that changes with the code.
 */
function separateStages(parts: Parts): string[] {
  const stages: string[] = []
  if (parts.hasDependencies) {
    const scope = parts.script ? '--include=dev' : '--omit=dev'
    const lines = [
      ...start(parts, 'deps'),
      copyManifests(parts),
      run([npmCache], `${parts.install} ${scope} && mkdir -p node_modules`),
    ]
    stages.push(lines.join('\n'))
  }
  if (parts.script) {
    const modules = '--mount=type=bind,from=deps,source=/app/node_modules,target=/app/node_modules,rw'
    stages.push(
      [...start(parts, 'build'), 'COPY . .', ...buildScript(parts, parts.hasDependencies ? [modules] : [])].join('\n'),
    )
  }
  if (parts.script && parts.hasDependencies) {
    stages.push(
      ['FROM deps AS production', run([npmCache], 'npm prune --omit=dev && mkdir -p node_modules')].join('\n'),
    )
  }
  return stages
}

function finalStage(parts: Parts): string {
  const lines = [
    `FROM ${parts.run}`,
    'WORKDIR /app',
    'ENV HOME=/app NODE_ENV=production PATH=/app/node_modules/.bin:$PATH',
  ]
  const copy = (from: string, what: string) => `COPY ${from}--chown=1000:1000 ${what}`
  if (parts.needsTree) lines.push(copy('--from=build ', '/app ./'))
  else {
    if (parts.hasDependencies)
      lines.push(copy(`--from=${parts.script ? 'production' : 'deps'} `, '/app/node_modules ./node_modules'))
    lines.push(parts.script ? copy('--from=build ', '/app ./') : copy('', '. .'))
  }
  lines.push('USER 1000')
  if (parts.command) lines.push(`CMD ["/bin/sh", "-c", ${JSON.stringify(parts.command)}]`)
  return lines.join('\n')
}

function start(parts: Parts, name: string): string[] {
  return [`FROM ${parts.build} AS ${name}`, 'WORKDIR /app', 'ENV NODE_ENV=production']
}

function copyManifests(parts: Parts): string {
  const files = parts.manifests.filter((file) => !file.endsWith('/'))
  const folders = parts.manifests.filter((file) => file.endsWith('/'))
  return [`COPY ${files.join(' ')} ./`, ...folders.map((folder) => `COPY ${folder} ./${folder}`)].join('\n')
}

/** The hash stands in front of the step: a changed config var builds anew, a mounted secret alone does not. */
function buildScript(parts: Parts, mounts: readonly string[]): string[] {
  const cache = '--mount=type=cache,target=/app/node_modules/.cache'
  const all = [...mounts, '--mount=type=secret,id=mp_env', cache]
  return [`ARG MP_CONFIG_HASH=${parts.configHash}`, run(all, `with-config npm run ${parts.script}`)]
}

/** Caches are the app's own: the builder sees to that. */
const npmCache = '--mount=type=cache,target=/root/.npm'

function run(mounts: readonly string[], command: string): string {
  return `RUN ${mounts.join(' ')} ${command}`
}
