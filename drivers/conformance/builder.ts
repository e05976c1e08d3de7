/** What every builder must do. A driver's own test is one call of this, against the real software. */
import { createHash, randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BuilderDriver, BuildRequest } from '../../server/devices/classes/builder.ts'

export interface BuilderUnderTest {
  readonly driver: BuilderDriver
  /** An image with a POSIX shell to start from. */
  readonly base: string
  /** Runs a command in an image and returns its standard output. */
  run(image: string, command: readonly string[]): Promise<string>
  /** Everything that the image says about how it was made. */
  history(image: string): Promise<string>
  labels(image: string): Promise<Record<string, string>>
  /** Command lines of the processes that builds have on this node now. */
  processes(): Promise<string>
  /** Removes every image with this label. */
  remove(label: string): Promise<void>
}

export function conformsBuilder(name: string, setUp: () => Promise<BuilderUnderTest>): void {
  describe(`builder ${name}`, () => {
    let under: BuilderUnderTest
    let folder: string
    let source: string
    const mark = randomBytes(4).toString('hex')
    const tag = `megapolos-test/conformance-${mark}:latest`
    const label = 'megapolos.test=conformance'
    const lines: string[] = []

    beforeAll(async () => {
      under = await setUp()
      await under.remove(label)
      folder = await mkdtemp(join(tmpdir(), 'megapolos-builder-'))
      source = join(folder, 'source.tar')
      const tree = { 'kept.txt': 'kept', 'left-out.txt': 'secret', 'folder/inner.txt': 'inner', 'folder/no.log': 'log' }
      const out = pack()
      for (const [path, text] of Object.entries(tree)) out.entry({ name: path }, text)
      out.finalize()
      await pipeline(out as AsyncIterable<Buffer>, createWriteStream(source))
    }, 300_000)
    afterAll(async () => {
      await under.remove(label)
      await rm(folder, { recursive: true })
    })

    async function build(steps: string, more: Partial<BuildRequest> = {}, signal = new AbortController().signal) {
      lines.length = 0
      const request: BuildRequest = {
        app: mark,
        source,
        dockerfile: 'Recipe',
        ignore: [],
        tag,
        secrets: {},
        ...more,
        labels: { 'megapolos.test': 'conformance', ...more.labels },
        files: { Recipe: `FROM ${under.base}\n${steps}\n`, ...more.files },
      }
      return (await under.driver.build(request, (line) => lines.push(line), signal)).image
    }

    test('the image has the tree, the added files, the tag and the labels', async () => {
      const image = await build('COPY . /app', { files: { 'added.txt': 'added' }, labels: { 'test.mark': mark } })
      expect(image).toMatch(/^sha256:[0-9a-f]{64}$/)
      const files = ['/app/kept.txt', '/app/folder/inner.txt', '/app/added.txt']
      expect(await under.run(tag, ['cat', ...files])).toBe('keptinneradded')
      expect(await under.labels(image)).toMatchObject({ 'test.mark': mark })
    })

    test('a tree arrives as it is: programs, links, times, large files, many files, names in any order', async () => {
      const path = join(folder, 'whole.tar')
      const out = pack()
      const made = new Date('2024-02-29T12:00:00Z')
      const large = randomBytes(3 * 1024 * 1024 + 1)
      for (const name of ['a/b', 'a-b', 'a.b', 'a/b-c/d', 'ab', 'ünï/cödé', `${'long-'.repeat(40)}/name`])
        out.entry({ name, mtime: made }, name)
      out.entry({ name: 'program', mode: 0o775 }, '#!/bin/sh\necho it runs\n')
      out.entry({ name: 'link', type: 'symlink', linkname: 'a/b' })
      out.entry({ name: 'large' }, large)
      for (let n = 0; n < 8000; n++) out.entry({ name: `many/${n % 7}/${n}` }, String(n))
      out.finalize()
      await pipeline(out as AsyncIterable<Buffer>, createWriteStream(path))
      const image = await build('COPY . /app', { source: path })
      const said = await under.run(image, [
        ...['sh', '-c'],
        `cd /app && ./program && readlink link && cat link && echo && sha256sum < large && find many -type f | wc -l &&
         cat many/3/7997 && echo && date -u -r a-b +%F && cat long*/name && echo && cat ünï/cödé`,
      ])
      expect(said.split('\n')).toEqual([
        ...['it runs', 'a/b', 'a/b', `${createHash('sha256').update(large).digest('hex')}  -`, '8000'],
        ...['7997', '2024-02-29', `${'long-'.repeat(40)}/name`, 'ünï/cödé'],
      ])
    })

    test('what is ignored does not reach the build; an added file does, even under an ignored name', async () => {
      const ignore = ['left-out.txt', '**/*.log', 'Recipe']
      // Only the lines that are given count.
      const files = { 'kept.txt': 'replaced', '.dockerignore': 'kept.txt\nfolder\n' }
      const image = await build('COPY . /app\nRUN rm /app/.dockerignore', { ignore, files })
      const found = await under.run(image, ['find', '/app', '-type', 'f'])
      expect(found.trim().split('\n').sort()).toEqual(['/app/Recipe', '/app/folder/inner.txt', '/app/kept.txt'])
      expect(await under.run(image, ['cat', '/app/kept.txt'])).toBe('replaced')
    })

    test('a secret is there in its step, and neither in a layer nor in the history', async () => {
      const secret = `hush-${mark}`
      const image = await build('RUN --mount=type=secret,id=mp_env wc -c < /run/secrets/mp_env > /length', {
        secrets: { mp_env: secret },
      })
      expect((await under.run(image, ['cat', '/length'])).trim()).toBe(String(secret.length))
      expect(await under.history(image)).not.toContain(secret)
      expect(await under.run(image, ['sh', '-c', 'grep -rs hush- /run /tmp /root /length || echo nothing'])).toBe(
        'nothing\n',
      )
    })

    test('the output of a step is seen as lines, also a last one without an end', async () => {
      await build(`RUN echo ${mark}-a; printf '\\033[31mred\\033[0m'`)
      expect(lines).toContain(`  ${mark}-a`)
      expect(lines).toContain('  red')
    })

    test('an unchanged step is not run again', async () => {
      await build(`RUN echo ${mark}-once`)
      await build(`RUN echo ${mark}-once`)
      expect(lines.join('\n')).not.toContain(`  ${mark}-once`)
    })

    test('caches are not shared between apps, whatever a Dockerfile calls them', async () => {
      // The same command would not be run twice.
      const step = (id: string, what: string) => `RUN --mount=type=cache,id=${id},target=/c : ${id}; ${what}`
      await build(step('/c', `echo ${mark}-mine > /c/mark`))
      for (const id of ['/c', `${mark}/c`, `../${mark}/c`]) {
        await build(step(id, 'ls /c; echo end of list'), { app: `not-${mark}` })
        expect(lines.slice(1)).toEqual(['  end of list'])
      }
      await build(step('/c', 'cat /c/mark'))
      expect(lines).toContain(`  ${mark}-mine`)
    })

    test.each(['--network=host', '--security=insecure'])('no step is run with RUN %s', async (flag) => {
      await expect(build(`RUN ${flag} touch /done`)).rejects.toMatchObject({ code: 'refused' })
    })

    test('more processes than builds may have cannot be begun', async () => {
      await expect(build('RUN while sleep 100 & do :; done')).rejects.toMatchObject({
        code: 'refused',
        detail: [expect.stringMatching(/fork/i)],
      })
    }, 60_000)

    test('a failing step is refused with its words, its exit code and its last lines', async () => {
      await expect(build(`RUN echo ${mark}; echo the cause >&2; exit 42`)).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringMatching(/exit 42" \(exit code 42\)/),
        detail: expect.arrayContaining([mark, 'the cause']),
      })
    })

    test('a Dockerfile that cannot be read is refused with the line', async () => {
      await expect(build('\nNONSENSE x')).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringMatching(/line 3: unknown instruction: NONSENSE/),
      })
    })

    test('a failure does not take the tag away from the image before', async () => {
      const before = await build('COPY kept.txt /')
      await expect(build('RUN false')).rejects.toThrow()
      expect(await under.run(tag, ['cat', '/kept.txt'])).toBe('kept')
      expect(before).toBeTruthy()
    })

    test('an abort ends the running step within two seconds', async () => {
      const controller = new AbortController()
      const long = `sleep 98${Number.parseInt(mark.slice(0, 4), 16)}`
      const building = build(`RUN echo started; ${long}`, {}, controller.signal)
      building.catch(() => {})
      while (!lines.includes('  started')) await new Promise((resolve) => setTimeout(resolve, 20))
      expect(await under.processes()).toContain(long)
      const aborted = Date.now()
      controller.abort()
      await expect(building).rejects.toMatchObject({ code: 'cancelled' })
      while ((await under.processes()).includes(long)) {
        expect(Date.now() - aborted).toBeLessThan(2000)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })

    test('a build that is cancelled before it begins does not begin', async () => {
      await expect(build('RUN true', {}, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' })
      expect(lines).toEqual([])
    })
  })
}
