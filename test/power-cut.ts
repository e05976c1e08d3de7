/** A reboot as far as it can be played: everything of the test system ends at once, and what is in memory only is gone. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { family, signal } from './crash/processes.ts'
import { quickly } from './quickly.ts'
import type { System } from './system.ts'

const servers = ['logs', 'sshd', 'proxy', 'kernel', 'rqlite', 'redis']

/** SIGKILL for servers, supervisors and containers; mounts go; what is in /run counts as written before the boot. */
export async function powerCut(system: System): Promise<void> {
  if (existsSync('/run/systemd/system')) await system.installer('stop')
  // Supervisors first: they would bring the others back.
  for (const kind of ['supervisor', 'pid']) {
    for (const server of servers) {
      const text = await readFile(join(system.home, 'run', `${server}.${kind}`), 'utf8').catch(() => '')
      const pid = Number.parseInt(text, 10)
      for (const one of pid > 0 ? await family(pid) : []) signal(one, 'SIGKILL')
    }
  }
  const ids = await quickly('docker', 'ps', '--quiet', '--filter', `label=megapolos.system=${system.label}`)
  await quickly('docker', 'kill', ...ids.trim().split('\n'))
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '')
  for (const point of mounts.filter((path) => path.startsWith(`${system.home}/`)).reverse()) {
    await quickly('umount', '--lazy', point)
  }
  // Before Docker starts anything: containers whose mounts are missing would stay down.
  await system.installer('mounts')
  const table = `/run/megapolos-${system.label}/nginx-table`
  const [, ...rest] = (await readFile(table, 'utf8')).split('\n')
  await writeFile(table, ['00000000-0000-0000-0000-000000000000', ...rest].join('\n'))
  // What a boot does before Docker starts; without it no container would.
  await system.installer('mounts')
}

/** Two stopped containers get each other's networks and addresses. */
export async function exchangeAddresses(one: string, other: string): Promise<void> {
  const places = await Promise.all([one, other].map(placeOf))
  for (const [n, id] of [one, other].entries()) {
    await quickly('docker', 'network', 'disconnect', '--force', places[n]?.network ?? '', id)
    const { network, address } = places[1 - n] ?? { network: '', address: '' }
    await quickly('docker', 'network', 'connect', '--ip', address, network, id)
  }
}

async function placeOf(id: string): Promise<{ network: string; address: string }> {
  const [container] = JSON.parse(await quickly('docker', 'inspect', id))
  const [network = ''] = Object.keys(container.NetworkSettings.Networks)
  return { network, address: container.Config.Labels['megapolos.address'] }
}

/** Runs `work` while nothing of the system runs but its proxy. */
export async function withProxyAlone(system: System, work: () => Promise<void>): Promise<void> {
  const [program = '', ...words] = (await readFile(join(system.home, 'run/proxy.command'), 'utf8')).trim().split('\n')
  const proxy = spawn(program, words, { stdio: 'ignore' })
  const ended = once(proxy, 'exit')
  try {
    await answers(system.httpPort)
    await work()
  } finally {
    proxy.kill('SIGTERM')
    await ended
  }
}

async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await fetch(`http://127.0.0.1:${port}/`).catch(() => null)) return
    await pause(50)
  }
  throw new Error(`nothing answers on port ${port}`)
}
