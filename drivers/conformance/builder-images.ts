/** What an image is made of: the source as it is, what was added, and nothing that was left out. */
import { strict as assert } from 'node:assert'
import { createHash, randomBytes } from 'node:crypto'
import type { BuilderPromises } from './builder-under-test.ts'
import { inBuilder } from './builder-world.ts'

export const imagePromises: BuilderPromises = {
  'the image has the tree, the added files, the tag and the labels': (it) =>
    inBuilder(it, async ({ build, mark, tag, run, labels }) => {
      const image = await build('COPY . /app', { files: { 'added.txt': 'added' }, labels: { 'test.mark': mark } })
      assert.match(image, /^sha256:[0-9a-f]{64}$/)
      const files = ['/app/kept.txt', '/app/folder/inner.txt', '/app/added.txt']
      assert.equal(await run(tag, ['cat', ...files]), 'keptinneradded')
      assert.equal((await labels(image))['test.mark'], mark, 'the label is not there')
    }),

  'a tree arrives as it is: programs, links, times, large files, many files, names in any order': (it) =>
    inBuilder(it, async ({ build, run, source }) => {
      const made = new Date('2024-02-29T12:00:00Z')
      const large = randomBytes(3 * 1024 * 1024 + 1)
      const path = await source((tar) => {
        for (const name of ['a/b', 'a-b', 'a.b', 'a/b-c/d', 'ab', 'ünï/cödé', `${'long-'.repeat(40)}/name`])
          tar.entry({ name, mtime: made }, name)
        tar.entry({ name: 'program', mode: 0o775 }, '#!/bin/sh\necho it runs\n')
        tar.entry({ name: 'link', type: 'symlink', linkname: 'a/b' })
        tar.entry({ name: 'large' }, large)
        for (let n = 0; n < 8000; n++) tar.entry({ name: `many/${n % 7}/${n}` }, String(n))
      })
      const image = await build('COPY . /app', { source: path })
      const said = await run(image, [
        ...['sh', '-c'],
        `cd /app && ./program && readlink link && cat link && echo && sha256sum < large && find many -type f | wc -l &&
         cat many/3/7997 && echo && date -u -r a-b +%F && cat long*/name && echo && cat ünï/cödé`,
      ])
      assert.deepEqual(said.split('\n'), [
        ...['it runs', 'a/b', 'a/b', `${createHash('sha256').update(large).digest('hex')}  -`, '8000'],
        ...['7997', '2024-02-29', `${'long-'.repeat(40)}/name`, 'ünï/cödé'],
      ])
    }),

  'what is ignored does not reach the build; an added file does, even under an ignored name': (it) =>
    inBuilder(it, async ({ build, run }) => {
      const ignore = ['left-out.txt', '**/*.log', 'Recipe']
      // Only the lines that are given count.
      const files = { 'kept.txt': 'replaced', '.dockerignore': 'kept.txt\nfolder\n' }
      const image = await build('COPY . /app\nRUN rm /app/.dockerignore', { ignore, files })
      const found = await run(image, ['find', '/app', '-type', 'f'])
      assert.deepEqual(found.trim().split('\n').sort(), ['/app/Recipe', '/app/folder/inner.txt', '/app/kept.txt'])
      assert.equal(await run(image, ['cat', '/app/kept.txt']), 'replaced')
    }),

  'an unchanged step is not run again': (it) =>
    inBuilder(it, async ({ build, lines, mark }) => {
      await build(`RUN echo ${mark}-once`)
      await build(`RUN echo ${mark}-once`)
      assert(!lines.includes(`  ${mark}-once`), 'it was run again')
    }),

  'caches are not shared between apps, whatever a Dockerfile calls them': (it) =>
    inBuilder(it, async ({ build, lines, mark }) => {
      // The same command would not be run twice.
      const step = (id: string, what: string) => `RUN --mount=type=cache,id=${id},target=/c : ${id}; ${what}`
      await build(step('/c', `echo ${mark}-mine > /c/mark`))
      for (const id of ['/c', `${mark}/c`, `../${mark}/c`]) {
        await build(step(id, 'ls /c; echo end of list'), { app: `not-${mark}` })
        assert.deepEqual(lines.slice(1), ['  end of list'])
      }
      await build(step('/c', 'cat /c/mark'))
      assert(lines.includes(`  ${mark}-mine`), 'the app does not see its own cache')
    }),
}
