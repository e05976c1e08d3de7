/**
 * `npm run bench -- tree`: one push of a one-line change, millisecond by millisecond, from `git push` to its end, written to
 * push-tree.txt. What happens in the kernel is the account of the job itself (`jobs:info`); around it are the marks that ssh
 * and git leave in their debug output. Of several pushes it is the median one.
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import type { Lab } from './lab.ts'
import { changeText, untilAnswers } from './push.ts'

interface Line {
  readonly name: string
  readonly depth: number
  /** Milliseconds after `git push` was typed. */
  readonly at: number
  readonly took: number
}

interface Traced {
  readonly lines: readonly Line[]
  readonly live: number
  readonly returned: number
}

const file = join(import.meta.dirname, 'push-tree.txt')
/** What takes less (ms) gets no line. */
const worthALine = 0.5
const width = 40

export async function drawTree(lab: Lab, machine: { cpus: number; node: string; engine: string }): Promise<void> {
  const traced: Traced[] = []
  for (let run = 0; run < 8; run++) {
    await changeText(lab, `traced ${run}`)
    const one = await tracedPush(lab, `traced ${run}`)
    lab.say(`  push ${run}: live ${Math.round(one.live)} ms, returned ${Math.round(one.returned)} ms`)
    if (run > 0) traced.push(one)
    // The old group ends; it is not this push's time.
    await pause(2000)
  }
  const [median] = traced.sort((a, b) => a.returned - b.returned).slice(Math.floor(traced.length / 2))
  if (!median) return
  const head = [
    'A git push of a one-line change of a web-only app, the median of seven. In milliseconds: when it began, how long it took.',
    `(${machine.cpus} cores, Node ${machine.node}, Docker ${machine.engine}; debug output is on, which costs some)`,
    '',
    `${'0'.padStart(7)} ${ms(median.live)} the new version answers`,
    `${'0'.padStart(7)} ${ms(median.returned)} git push returns`,
    '',
  ]
  const scale = width / median.returned
  const drawn = median.lines
    .filter(({ took }) => took >= worthALine)
    .map((line) => `${ms(line.at)} ${ms(line.took)} ${bar(line, scale)} ${'  '.repeat(line.depth)}${line.name}`)
  writeFileSync(file, `${[...head, ...drawn].join('\n')}\n`)
  lab.say(`the tree: ${file}`)
}

async function tracedPush({ system, person }: Lab, text: string): Promise<Traced> {
  const began = Date.now()
  const clock = performance.now()
  const since = () => performance.now() - clock
  const marks: Mark[] = []
  const live = untilAnswers('127.0.0.1', system.httpPort, 'bench.localhost', text).then(since)
  const { PATH } = process.env
  const ssh = `ssh -F ${join(person.home, '.ssh/config')} -o LogLevel=DEBUG1`
  const git = spawn('git', ['push', 'megapolos', 'main'], {
    cwd: person.folder,
    env: { PATH, HOME: person.home, GIT_CONFIG_NOSYSTEM: '1', GIT_SSH_COMMAND: ssh, GIT_TRACE_PACKET: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise((resolve) => git.once('exit', resolve))
  createInterface(git.stderr).on('line', (line) => marks.push({ at: since(), line }))
  if ((await ended) !== 0) throw new Error(marks.map(({ line }) => line).join('\n'))
  const returned = since()
  const job = await newestJob(person)
  return { lines: timeline(marks, returned, job, Date.parse(job.createdAt) - began), live: await live, returned }
}

interface Mark {
  readonly at: number
  readonly line: string
}

interface Job {
  readonly createdAt: string
  readonly steps: readonly { name: string; depth: number; at: number; took: number | null }[]
}

/** Its row says that it ended, a moment after the push has returned. */
async function newestJob(person: Lab['person']): Promise<Job> {
  for (;;) {
    const [job] = JSON.parse(await person.must('ssh', 'megapolos', 'jobs:list', '--num', '1', '--format', 'json'))
    if (job.state === 'succeeded')
      return JSON.parse(await person.must('ssh', 'megapolos', 'jobs:info', `${job.id}`, '--format', 'json'))
    await pause(100)
  }
}

/** From one mark to the next; the job lies between two of them. */
function timeline(marks: readonly Mark[], returned: number, job: Job, jobAt: number): Line[] {
  const mark = (text: string) => marks.find(({ line }) => line.includes(text))?.at ?? Number.NaN
  const last = (text: string) => marks.findLast(({ line }) => line.includes(text))?.at ?? Number.NaN
  const verdict = mark('is live at')
  const stages: [string, number][] = [
    ['git and ssh start', mark('debug1: Connecting to')],
    ['ssh: TCP connection', mark('debug1: Connection established')],
    ['ssh: versions and key exchange (sshd starts a process for it)', mark('SSH2_MSG_NEWKEYS received')],
    ['ssh: the key is asked for and accepted', mark('Authenticated to')],
    ['ssh: the session opens', mark('Sending command')],
    ['sh, forced-command, curl: the kernel says where the repository is; git receive-pack starts', mark('push<')],
    ['git packs the change and sends it', last('push>')],
    ['git receive-pack takes it; pre-receive, git rev-parse, git archive and curl start', jobAt],
    ['the job', verdict],
    ['curl and the hook end, git moves the ref and reports', mark('unpack ok')],
    ['the session closes', mark('exit-status')],
    ['ssh and git end', returned],
  ]
  return stages.flatMap(([name, end], number) => {
    const at = stages[number - 1]?.[1] ?? 0
    const inside =
      name === 'the job'
        ? job.steps.map((one) => ({ ...one, depth: one.depth + 1, at: jobAt + one.at, took: one.took ?? 0 }))
        : []
    return [{ name, depth: 0, at, took: end - at }, ...inside]
  })
}

function ms(value: number): string {
  return value.toFixed(1).padStart(7)
}

function bar({ at, took }: Line, scale: number): string {
  const from = Math.min(Math.floor(at * scale), width - 1)
  const length = Math.max(1, Math.min(Math.round(took * scale), width - from))
  return `${' '.repeat(from)}${'█'.repeat(length)}`.padEnd(width, '·').replaceAll(' ', '·')
}
