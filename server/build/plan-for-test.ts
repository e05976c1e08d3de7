/** For tests: a plan from a list of files, without a tar, a base or an engine. */
import { join } from 'node:path'
import type { Plan } from '../domain/build.ts'
import type { SourceFile } from '../domain/source.ts'
import type { SourceView } from './buildpack.ts'
import { makePlan } from './detect.ts'

export function planOf(files: Readonly<Record<string, string | object>>): Promise<Plan> {
  return makePlan(join(import.meta.dirname, '../../buildpacks'), viewOf(files), {
    configHash: 'abc',
    bases: {
      versions: (language) =>
        language === 'node' ? { all: ['22', '24', '26'], default: '24' } : { all: ['bookworm'], default: 'bookworm' },
      reference: (language, version, kind) => `megapolos/${language}-${kind}:${version}-x`,
    },
  })
}

function viewOf(files: Readonly<Record<string, string | object>>): SourceView {
  const texts = new Map(
    Object.entries(files).map(([path, text]) => [path, typeof text === 'string' ? text : JSON.stringify(text)]),
  )
  const index = new Map<string, SourceFile>()
  for (const [path, text] of texts) {
    const parts = path.split('/')
    for (let depth = 1; depth < parts.length; depth++) {
      index.set(parts.slice(0, depth).join('/'), { kind: 'directory', size: 0, executable: false })
    }
    index.set(path, { kind: 'file', size: text.length, executable: false })
  }
  return { files: index, read: async (path) => texts.get(path) ?? null }
}
