/** Requests a second through the proxy, through the same nginx with a plain configuration, and to the app directly. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { quickly } from '../test/quickly.ts'
import { example } from '../test/repository.ts'
import { type Lab, untilListening } from './lab.ts'
import type { Row } from './row.ts'

const plainPort = 18081

/** The app is a page that nginx serves: one that is slower than the proxies would hide what they cost. */
export async function measureProxy(lab: Lab, rounds: number): Promise<Row[]> {
  const before = lab.person.folder
  lab.person.folder = join(before, '..')
  await example(lab.person, 'static', 'fast')
  await lab.person.must('git', 'push', 'megapolos', 'main')
  lab.person.folder = before
  const target = await targetOf(lab, 'fast')
  const nginx = await plainNginx(join(lab.folder, 'nginx'), target)
  try {
    const [ours, plain, direct]: [number[], number[], number[]] = [[], [], []]
    for (let round = 0; round < rounds; round++) {
      direct.push(await wrk(`http://${target}/`))
      plain.push(await wrk(`http://127.0.0.1:${plainPort}/`))
      ours.push(await wrk(`http://127.0.0.1:${lab.system.httpPort}/`))
      lab.say(`  direct ${direct.at(-1)}, plain nginx ${plain.at(-1)}, ours ${ours.at(-1)} requests/s`)
    }
    const row = { what: 'HTTP through the proxy', unit: 'requests/s', ours } as const
    return [
      { ...row, floor: { what: 'plain nginx', values: plain }, aim: '≥ 0.9 ×', met: (ratio) => ratio >= 0.9 },
      { ...row, floor: { what: 'the app itself', values: direct }, aim: '', met: null },
    ]
  } finally {
    nginx.kill('SIGTERM')
    await once(nginx, 'exit')
  }
}

async function targetOf({ person }: Lab, app: string): Promise<string> {
  const id = await person.must(
    'docker',
    'ps',
    '--quiet',
    '--filter',
    'label=megapolos.process=web',
    '--filter',
    `name=${app}`,
  )
  const label = (name: string) => `{{index .Config.Labels "megapolos.${name}"}}`
  return (await quickly('docker', 'inspect', '--format', `${label('address')}:${label('port')}`, id)).trim()
}

/** What somebody writes who knows that an upstream needs keep-alive. */
async function plainNginx(folder: string, target: string): Promise<ChildProcess> {
  await mkdir(folder)
  const config = `
worker_processes auto;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 8192; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}
  upstream app { server ${target}; keepalive 64; }
  server {
    listen 127.0.0.1:${plainPort} reuseport;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`
  await writeFile(join(folder, 'nginx.conf'), config)
  // A session of its own, as that of the proxy is: Linux shares the cores out among sessions, and in one with `wrk` it
  // would be given the processor in other turns.
  const words = ['-c', join(folder, 'nginx.conf'), '-g', 'daemon off;']
  const nginx = spawn('/usr/sbin/nginx', words, { stdio: 'ignore', detached: true })
  await untilListening(plainPort)
  return nginx
}

async function wrk(url: string): Promise<number> {
  // Short turns, and many: what else the machine does then meets all three alike.
  const said = await quickly('wrk', '-t1', '-c20', '-d1s', '-H', 'Host: fast.localhost', url)
  if (/Non-2xx|Socket errors/.test(said)) throw new Error(`wrk met errors at ${url}:\n${said}`)
  return Math.round(Number(said.match(/Requests\/sec:\s+([\d.]+)/)?.[1]))
}
