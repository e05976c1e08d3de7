/** Plain files, served by nginx: index.html, public/index.html or a Staticfile → plan. */
import type { Detect, SourceView } from '../../server/build/buildpack.ts'
import { UserError } from '../../server/errors.ts'

export const detect: Detect = async (source, around) => {
  const root = await findRoot(source)
  if (root === null) return null
  const { default: version } = around.bases.versions('static')
  return {
    buildpack: 'static',
    summary: [root === '.' ? 'Static files' : `Static files from ${root}/`],
    dockerfile: `${[
      `FROM ${around.bases.reference('static', version, 'run')}`,
      'WORKDIR /app',
      'ENV HOME=/app',
      // The form with brackets, because a folder's name may have spaces.
      `COPY --chown=1000:1000 ${JSON.stringify([`${root}/`, '/app/public/'])}`,
      'USER 1000',
      'CMD ["serve-static"]',
    ].join('\n')}\n`,
    files: {},
    ignore: [],
    bases: [`static:${version}`],
    seesConfig: false,
    processes: around.procfile ?? { web: 'exec serve-static' },
    hardened: true,
    warnings: [],
  }
}

/** A Staticfile may name the folder: `root: dist`. */
async function findRoot(source: SourceView): Promise<string | null> {
  const staticfile = await source.read('Staticfile')
  const named = staticfile?.match(/^\s*root\s*:\s*["']?([^"'\r\n#]+)/m)?.[1]?.trim()
  const root = named?.replace(/^(\.?\/)+|\/+$/g, '')
  if (root && root !== '.') {
    if (source.files.get(root)?.kind === 'directory') return root
    throw new UserError('refused', `The Staticfile names the folder ${root}, which is not in the pushed tree.`)
  }
  if (source.files.has('index.html')) return '.'
  if (source.files.has('public/index.html')) return 'public'
  return staticfile === null ? null : '.'
}
