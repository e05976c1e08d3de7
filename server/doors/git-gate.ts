/** What a request must pass before git hears of it: a known address, a token, and the kernel's word for this repository. */
import type { IncomingMessage } from 'node:http'
import { basename } from 'node:path'
import { hashOfToken } from '../commands/token.ts'
import { codes } from '../errors.ts'
import type { Log } from '../log.ts'
import { failedAttempts } from './failed-attempts.ts'
import { askKernel } from './kernel-client.ts'

export interface Admitted {
  readonly service: 'git-upload-pack' | 'git-receive-pack'
  /** The first of git's two questions: which refs are there. */
  readonly advertises: boolean
  /** Folder of the repository, in that of all repositories. */
  readonly repository: string
  /** Who the hook will say is pushing: what the kernel keeps of the token. */
  readonly token: string
  readonly from: string
}

/** Not let in; `text` is for the person, git shows it. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, text: string) {
    super(text)
    this.status = status
  }
}

/** Every repository, of an app or of a driver (`drivers/memcached`), has three addresses. The name is the kernel's to judge; no path is made of it. */
const address = /^\/((?:drivers\/)?[\w-][\w.-]{0,99})\/(?:info\/refs\?service=)?(git-upload-pack|git-receive-pack)$/
const nothingHere = ' !     Only git finds something here: git clone http://…/APP.git'
const whichToken = ' !     Any user name will do; the password is a token: ssh megapolos tokens:create'

export function createGate(socket: string, log: Log): (request: IncomingMessage) => Promise<Admitted> {
  const attempts = failedAttempts()
  const failed = (from: string) => {
    attempts.add(from)
    log.warn('git.refused', { from })
  }

  return async (request) => {
    const [, name = '', service] = address.exec(request.url ?? '') ?? []
    const advertises = request.url?.includes('?') === true
    if (!service || request.method !== (advertises ? 'GET' : 'POST')) throw new Refusal(404, nothingHere)
    const from = addressOf(request)
    const password = passwordOf(request.headers.authorization ?? '')
    if (password === null) throw new Refusal(401, whichToken)
    if (attempts.tooMany(from))
      throw new Refusal(429, ' !     Too many wrong tokens came from your address; wait a minute.')
    const token = hashOfToken(password)
    if (token === null) {
      failed(from)
      throw new Refusal(401, ` !     This is no token.\n${whichToken}`)
    }
    const command = service === 'git-receive-pack' ? 'git:receive-pack' : 'git:upload-pack'
    const { lines, exit, errors } = await askKernel({ socket, token, from, words: [command, '--', name] })
    if (exit === codes.unauthenticated.exit) failed(from)
    if (exit !== 0) throw new Refusal(statusOf(exit), errors.join('\n'))
    return {
      service: service as Admitted['service'],
      advertises,
      repository: basename(lines.at(-1) ?? ''),
      ...{ token, from },
    }
  }
}

/** Only this machine reaches the port, and its proxy says whom it asks for. */
function addressOf({ headers, socket }: IncomingMessage): string {
  return String(headers['x-forwarded-for'] ?? socket.remoteAddress ?? '')
    .replace(/[^\w.:]/g, '')
    .slice(0, 45)
}

/** Null when nobody has been asked for one yet: git always tries without first. */
function passwordOf(authorization: string): string | null {
  const [, basic] = /^Basic +([\w+/=-]+)$/i.exec(authorization) ?? []
  if (basic === undefined) return null
  const pair = Buffer.from(basic, 'base64').toString()
  return pair.slice(pair.indexOf(':') + 1)
}

function statusOf(exit: number): number {
  return Object.values(codes).find((code) => code.exit === exit)?.status ?? 500
}
