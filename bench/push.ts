/** A one-line change from `git push` to the first answer of the new version, against the same steps done by hand. */
import { mkdir, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { quickly } from '../test/quickly.ts'
import { commit, edit, example } from '../test/repository.ts'
import { type Lab, timed } from './lab.ts'
import { cpuOf, cpuOfTrees } from './process.ts'
import { appsText, type Row } from './row.ts'

const network = { name: 'megapolos-bench', subnet: '10.95.255.0/24', address: '10.95.255.10' }
const image = 'megapolos-bench'

/** `others`: how many apps there are besides the one that is pushed. */
export async function measurePush(lab: Lab, runs: number, others = 0): Promise<Row[]> {
  if (others === 0) await makeApp(lab)
  await prepareFloor(lab)
  const [ours, floor]: [Pushed[], number[]] = [[], []]
  try {
    // The first of each is not counted: caches are warm for both.
    for (let run = -1; run < runs; run++) {
      const text = `change ${run} among ${others}`
      await changeText(lab, text)
      const byHand = await pushBuildRun(lab, text)
      await changeText(lab, `${text} again`)
      const one = await pushOurs(lab, `${text} again`)
      lab.say(
        `  push ${run + 1}: live ${one.live.toFixed(2)} s, returned ${one.returned.toFixed(2)} s, by hand ${byHand.toFixed(2)} s`,
      )
      if (run < 0) continue
      floor.push(byHand)
      ours.push(one)
    }
    return rows(ours, floor, others + 1)
  } finally {
    await quickly('docker', 'rm', '-f', image).catch(() => '')
    await quickly('docker', 'network', 'rm', network.name).catch(() => '')
    await quickly('docker', 'image', 'rm', '-f', image).catch(() => '')
  }
}

/** CPU for some more pushes; asked again when there are many apps. */
export async function measurePushCpu(lab: Lab, runs: number, others: number): Promise<Row[]> {
  const pushed: Pushed[] = []
  for (let run = 0; run < runs; run++) {
    const text = `one of ${others}, ${run}`
    await changeText(lab, text)
    pushed.push(await pushOurs(lab, text))
  }
  return cpuRows(pushed, others + 1)
}

/** Apps that run: the same tree pushed under many names. */
export async function deployApps({ person, say }: Lab, count: number): Promise<void> {
  say(`deploying ${count} apps …`)
  let next = 0
  const pusher = async () => {
    while (next < count) await person.must('git', 'push', '-q', `megapolos:crowd-${next++}`, 'main')
  }
  await Promise.all([pusher(), pusher()])
}

interface Pushed {
  readonly live: number
  readonly returned: number
  /** Seconds of CPU. */
  readonly kernel: number
  readonly all: number
}

function rows(ours: readonly Pushed[], floor: readonly number[], apps: number): Row[] {
  const by = { what: 'push to a bare repository + docker build + docker run + first 200', values: floor }
  const among = apps === 1 ? '' : `, ${appsText(apps)}`
  return [
    {
      what: `git push → new version answers${among}`,
      unit: 's',
      ours: ours.map(({ live }) => live),
      floor: by,
      aim: '≤ 1.3 ×',
      met: (ratio) => ratio <= 1.3,
    },
    {
      what: `git push → push returns${among}`,
      unit: 's',
      ours: ours.map(({ returned }) => returned),
      floor: by,
      aim: '',
      met: null,
    },
    ...cpuRows(ours, apps),
  ]
}

function cpuRows(pushed: readonly Pushed[], apps: number): Row[] {
  const row = (what: string, ours: number[], aim: boolean): Row => ({
    what: `CPU of ${what} for a deploy, ${appsText(apps)}`,
    unit: 's',
    ours,
    floor: null,
    aim: aim ? '≤ 0.5 s' : '',
    met: aim ? (_, seconds) => seconds <= 0.5 : null,
  })
  return [
    row(
      'the kernel',
      pushed.map(({ kernel }) => kernel),
      false,
    ),
    row(
      'kernel, store, Redis, and sshd with git and the hooks',
      pushed.map(({ all }) => all),
      true,
    ),
  ]
}

async function makeApp({ person }: Lab): Promise<void> {
  await example(person, 'node-procfile', 'bench')
  await writeFile(join(person.folder, 'Procfile'), 'web: node web.js\n')
  await commit(person, 'Only web')
  await person.must('git', 'push', 'megapolos', 'main')
}

let written = 'version one'
export async function changeText({ person }: Lab, text: string): Promise<void> {
  await edit(person, 'web.js', `'${written}'`, `'${text}'`)
  written = text
  await commit(person, text)
}

async function pushOurs({ system, person }: Lab, text: string): Promise<Pushed> {
  const kernel = await system.pid('kernel')
  const others = await Promise.all(['rqlite', 'redis', 'sshd'].map((server) => system.pid(server)))
  const cpu = () => ({ kernel: cpuOf(kernel), all: cpuOfTrees([kernel, ...others]) })
  const before = cpu()
  const [live, returned] = await Promise.all([
    timed(() => untilAnswers('127.0.0.1', system.httpPort, 'bench.localhost', text)),
    timed(() => person.must('git', 'push', 'megapolos', 'main')),
  ])
  // What the kernel does after the push has returned belongs to the deploy: the old group drains and goes.
  await pause(2000)
  const after = cpu()
  return { live, returned, kernel: after.kernel - before.kernel, all: after.all - before.all }
}

/** The same base image as ours, the same sshd program, the docker command with BuildKit. */
async function prepareFloor({ system, person, folder }: Lab): Promise<void> {
  await mkdir(join(folder, 'bare'), { recursive: true })
  await quickly('git', 'init', '-q', '--bare', join(folder, 'bare'))
  await quickly('chown', '-R', system.user, join(folder, 'bare'))
  await person.must('git', 'config', 'remote.floor.url', `plain:${join(folder, 'bare')}`)
  const [base] = (
    await quickly('docker', 'images', 'megapolos/node-run', '--format', '{{.Repository}}:{{.Tag}}')
  ).split('\n')
  const lines = [`FROM ${base}`, 'WORKDIR /app', 'COPY . .', 'CMD ["node", "web.js"]']
  await writeFile(join(person.folder, '.git/floor.Dockerfile'), `${lines.join('\n')}\n`)
  await writeFile(join(person.folder, '.git/floor.Dockerfile.dockerignore'), '.git\n')
  await quickly('docker', 'network', 'create', '--subnet', network.subnet, network.name)
}

async function pushBuildRun({ person, plainSsh }: Lab, text: string): Promise<number> {
  await quickly('docker', 'rm', '-f', image).catch(() => '')
  const port = 5000
  return timed(async () => {
    await person.must('env', `GIT_SSH_COMMAND=ssh -F ${plainSsh}`, 'git', 'push', '-q', 'floor', 'main')
    const build = ['env', 'DOCKER_BUILDKIT=1', '/usr/bin/docker', 'build', '-q', '-t', image]
    await person.must(...build, '-f', '.git/floor.Dockerfile', '.')
    const place = ['--network', network.name, '--ip', network.address, '-e', `PORT=${port}`]
    await person.must('/usr/bin/docker', 'run', '-d', '--name', image, ...place, image)
    await untilAnswers(network.address, port, 'bench.localhost', text)
  })
}

export async function untilAnswers(address: string, port: number, host: string, text: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  while (!(await ask(agent, address, port, host)).includes(text)) await pause(5)
  agent.destroy()
}

function ask(agent: Agent, address: string, port: number, host: string): Promise<string> {
  return new Promise((resolve) => {
    const asked = request({ agent, host: address, port, headers: { host }, timeout: 1000 }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve(response.statusCode === 200 ? body : ''))
      response.on('error', () => resolve(''))
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(''))
    asked.end()
  })
}
