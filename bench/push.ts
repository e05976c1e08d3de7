/** A one-line change from `git push` to the first answer of the new version, against the same steps done by hand. */
import { mkdir, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { quickly } from '../test/quickly.ts'
import { commit, edit, example } from '../test/repository.ts'
import { type Lab, timed } from './lab.ts'
import { cpuOf } from './process.ts'
import type { Row } from './row.ts'

const network = { name: 'megapolos-bench', subnet: '10.95.255.0/24', address: '10.95.255.10' }
const image = 'megapolos-bench'

export async function measurePush(lab: Lab, runs: number): Promise<Row[]> {
  await example(lab.person, 'node-procfile', 'bench')
  await writeFile(join(lab.person.folder, 'Procfile'), 'web: node web.js\n')
  await commit(lab.person, 'Only web')
  await lab.person.must('git', 'push', 'megapolos', 'main')
  await prepareFloor(lab)
  try {
    const [live, returned, cpu, floor]: number[][] = [[], [], [], []]
    // The first of each is not counted: caches are warm for both.
    for (let run = -1; run < runs; run++) {
      const text = `change ${run}`
      await changeText(lab, text)
      const byHand = await pushBuildRun(lab, text)
      await changeText(lab, `${text} again`)
      const one = await pushOurs(lab, `${text} again`)
      lab.say(
        `  push ${run + 1}: live ${one.live.toFixed(2)} s, returned ${one.returned.toFixed(2)} s, by hand ${byHand.toFixed(2)} s`,
      )
      if (run < 0) continue
      floor?.push(byHand)
      live?.push(one.live)
      returned?.push(one.returned)
      cpu?.push(one.cpu)
    }
    return rows(live ?? [], returned ?? [], cpu ?? [], floor ?? [])
  } finally {
    await quickly('docker', 'rm', '-f', image).catch(() => '')
    await quickly('docker', 'network', 'rm', network.name).catch(() => '')
    await quickly('docker', 'image', 'rm', '-f', image).catch(() => '')
  }
}

/** CPU of the kernel for one more push; asked again when there are many apps. */
export async function measurePushCpu(lab: Lab, runs: number, others: number): Promise<Row> {
  const cpu: number[] = []
  for (let run = 0; run < runs; run++) {
    const text = `among ${others}, ${run}`
    await changeText(lab, text)
    cpu.push((await pushOurs(lab, text)).cpu)
  }
  return cpuRow(`CPU of the kernel for a deploy, ${others} apps`, cpu)
}

function rows(live: number[], returned: number[], cpu: number[], floor: number[]): Row[] {
  const by = { what: 'push to a bare repository + docker build + docker run + first 200', values: floor }
  return [
    {
      what: 'git push → new version answers',
      unit: 's',
      ours: live,
      floor: by,
      aim: '≤ 1.3 ×',
      met: (ratio) => ratio <= 1.3,
    },
    { what: 'git push → push returns', unit: 's', ours: returned, floor: by, aim: '', met: null },
    cpuRow('CPU of the kernel for a deploy, 1 app', cpu),
  ]
}

function cpuRow(what: string, ours: number[]): Row {
  return { what, unit: 's', ours, floor: null, aim: '≤ 0.5 s', met: (_, seconds) => seconds <= 0.5 }
}

let written = 'version one'
export async function changeText({ person }: Lab, text: string): Promise<void> {
  await edit(person, 'web.js', `'${written}'`, `'${text}'`)
  written = text
  await commit(person, text)
}

async function pushOurs(
  { system, person }: Lab,
  text: string,
): Promise<{ live: number; returned: number; cpu: number }> {
  const kernel = await system.pid('kernel')
  const before = cpuOf(kernel)
  const [live, returned] = await Promise.all([
    timed(() => untilAnswers('127.0.0.1', system.httpPort, 'bench.localhost', text)),
    timed(() => person.must('git', 'push', 'megapolos', 'main')),
  ])
  // What the kernel does after the push has returned belongs to the deploy: the old group drains and goes.
  await pause(2000)
  return { live, returned, cpu: cpuOf(kernel) - before }
}

/** The same base image as ours, the same sshd program, the docker command with BuildKit. */
async function prepareFloor({ system, person, folder }: Lab): Promise<void> {
  await mkdir(join(folder, 'bare'))
  await quickly('git', 'init', '-q', '--bare', join(folder, 'bare'))
  await quickly('chown', '-R', system.user, join(folder, 'bare'))
  await person.must('git', 'remote', 'add', 'floor', `plain:${join(folder, 'bare')}`)
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
