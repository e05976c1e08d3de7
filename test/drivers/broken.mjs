/** A driver that does harm in the way that the name of the database says. */
import { serve } from './line.mjs'

const never = new Promise(() => {})
const write = (text) => new Promise((resolve) => process.stdout.write(text, resolve))

const { send } = serve({
  list: () => ['alive'],
  async create(how) {
    if (how === 'crash') {
      process.stderr.write('the disk is on fire\n')
      process.exit(3)
    }
    if (how === 'hang') return never
    if (how === 'garbage') return write('warning: this goes to standard output\n')
    if (how === 'no-header') return write('x'.repeat(10_000))
    if (how === 'gigabyte') return write('Content-Length: 1073741824\r\n\r\n{')
    if (how === 'negative') return write('Content-Length: -5\r\n\r\n{}')
    if (how === 'no-json') return write('Content-Length: 5\r\n\r\n{{{{{')
    if (how === 'endless') for (;;) await write('Content-Length: 2\r\n\r\n{}'.repeat(1000))
    if (how === 'stderr') for (let n = 0; n < 2000; n++) process.stderr.write(`${'e'.repeat(1000)}\n`)
    if (how === 'progress')
      for (let n = 0; n < 100_000; n++) send({ method: 'progress', params: [n, 'x'.repeat(1000)] })
    if (how === 'memory') for (const kept = []; ; ) kept.push(Buffer.alloc(16 * 1024 ** 2, 1))
    return never
  },
  status: () => ({ running: 'perhaps', version: null, problem: null }),
})
