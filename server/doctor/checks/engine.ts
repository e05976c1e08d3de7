/** Docker: whether it answers, is new enough, and is of a kind in which mounts and addresses mean what they say. */
import { readFile } from 'node:fs/promises'
import type { EngineInfo } from '../../engine/engine.ts'
import { type Commands, check, type Finding } from '../check.ts'

export interface EngineFacts extends EngineInfo {
  /** Text of Docker's own settings, or null when there are none. */
  readonly settings: string | null
}

/** What builds and mounts of this house need; Docker 20.10 has it. */
const oldest = [1, 41] as const
const file = '/etc/docker/daemon.json'

export const engine = check<EngineFacts>({
  name: 'engine',
  about: 'Docker',
  remedy: (commands) => commands.installer('restart docker'),
  probe: async ({ engine }) => ({
    ...(await engine.info()),
    settings: await readFile(file, 'utf8').catch(() => null),
  }),
  judge: (facts, commands) => [...age(facts), ...kind(facts, commands), ...liveRestore(facts)],
})

function age({ version, api }: EngineFacts): Finding[] {
  const [major = 0, minor = 0] = api.split('.').map(Number)
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return []
  return [
    {
      severity: 'error',
      problem: `Docker ${version} speaks engine API ${api}, which is too old; ${oldest.join('.')} is needed (Docker 20.10).`,
      fix: 'apt-get update && apt-get install docker.io',
    },
  ]
}

function kind({ rootless, remapped, root }: EngineFacts, commands: Commands): Finding[] {
  const severity = 'error'
  const found: Finding[] = []
  if (rootless)
    found.push({
      severity,
      problem: 'This Docker is rootless: volumes and addresses of apps do not work in it.',
      fix: `dockerd-rootless-setuptool.sh uninstall && ${commands.installer('install')}`,
    })
  if (remapped)
    found.push({
      severity,
      problem: 'This Docker uses userns-remap: files of volumes belong to other users in it.',
      fix: `sed -zi -e 's/"userns-remap": *"[^"]*"\\s*,\\s*//' -e 's/,\\?\\s*"userns-remap": *"[^"]*"//' ${file} && ${commands.installer('restart docker')}`,
    })
  if (root.startsWith('/var/snap/'))
    found.push({
      severity,
      problem: 'This Docker is the snap, which sees only some of the folders of this machine.',
      fix: `snap remove docker && ${commands.installer('install')}`,
    })
  return found
}

/** Docker takes this setting while it runs. */
function liveRestore({ liveRestore, settings }: EngineFacts): Finding[] {
  if (liveRestore) return []
  return [
    {
      severity: 'warning',
      problem: 'live-restore of Docker is off: every app stops while Docker is restarted or upgraded.',
      fix: `${switchOn(settings)} && kill -HUP "$(pidof dockerd)"`,
    },
  ]
}

function switchOn(settings: string | null): string {
  if (settings === null || settings.trim() === '') return `echo '{ "live-restore": true }' >${file}`
  if (/"live-restore"/.test(settings)) return `sed -i 's/"live-restore": *false/"live-restore": true/' ${file}`
  const more = /^\s*\{\s*\}\s*$/.test(settings) ? '' : ','
  return `sed -i '0,/{/ s/{/{ "live-restore": true${more}/' ${file}`
}
