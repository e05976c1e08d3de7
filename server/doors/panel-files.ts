/** The files that pages load: ours and htmx, from fixed places, cached for good under an address that changes with them. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Context } from 'hono'
import type { Asset } from '../../views/layout.ts'

const root = join(import.meta.dirname, '../..')
const places: Readonly<Record<Asset, readonly [path: string, type: string]>> = {
  'style.css': ['views/public/style.css', 'text/css'],
  'panel.js': ['views/public/panel.js', 'text/javascript'],
  'htmx.js': ['node_modules/htmx.org/dist/htmx.min.js', 'text/javascript'],
  'sse.js': ['node_modules/htmx.org/dist/ext/hx-sse.min.js', 'text/javascript'],
}

export async function loadFiles() {
  const names = Object.keys(places) as Asset[]
  const loaded = new Map(
    await Promise.all(
      names.map(async (name) => {
        const body = await readFile(join(root, places[name][0]), 'utf8')
        const version = createHash('sha256').update(body).digest('base64url').slice(0, 12)
        return [name as string, { body, version, type: places[name][1] }] as const
      }),
    ),
  )
  return {
    address: (name: Asset) => `/assets/${name}?v=${loaded.get(name)?.version}`,
    serve(c: Context): Response | Promise<Response> {
      const file = loaded.get(c.req.param('name') ?? '')
      if (!file) return c.text('Not found', 404)
      return c.body(file.body, 200, {
        'content-type': `${file.type}; charset=utf-8`,
        'cache-control': 'private, max-age=31536000, immutable',
      })
    },
  }
}
