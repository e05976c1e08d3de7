/**
 * Serves an admitted request with node-git-server, which gets neither the request nor the response: it would let an error
 * of either end the process, and git's processes outlive their client.
 */
import type { ChildProcess } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { Git } from 'node-git-server'
import type { Log } from '../log.ts'
import type { Body } from './git-body.ts'
import type { Admitted } from './git-gate.ts'

export interface GitService {
  /** Answers which refs there are. */
  advertise(admitted: Admitted, response: ServerResponse): void
  /** Answers a fetch or a push; resolves when git has ended. */
  exchange(admitted: Admitted, body: Body, response: ServerResponse): Promise<void>
}

/** The library's name for the request that it is serving. */
interface Action {
  readonly req: { begin(action: Action): void }
  on(event: 'error', listener: (error: Error) => void): void
  once(event: 'service', listener: (child: ChildProcess) => void): void
  accept(): void
}

/**
 * Milliseconds in which a push whose pusher has gone comes to its end: the pack breaks off, or the kernel cancels, or it
 * has decided already, and git must be there to move the branch. A git that is killed would leave its quarantine behind.
 */
const patience = 60_000

/** `notes` is where the hook finds out who pushes: the library gives git no environment. */
export function createGitService(repositories: string, notes: string, log: Log): GitService {
  const git = new Git((folder = '') => join(repositories, folder), { autoCreate: false })
  git.on('error', (error: Error) => log.error('git did not start', error))
  for (const event of ['push', 'tag', 'fetch']) git.on(event, (action: Action) => action.req.begin(action))

  const handle = (admitted: Admitted, asked: PassThrough, answer: PassThrough, more: object) => {
    const url = `/${admitted.repository}/${admitted.advertises ? 'info/refs?service=' : ''}${admitted.service}`
    const request = Object.assign(asked, { method: admitted.advertises ? 'GET' : 'POST', url, headers: {}, ...more })
    const response = Object.assign(answer, { setHeader() {}, statusCode: 200 })
    git.handle(request as unknown as IncomingMessage, response as unknown as ServerResponse)
  }

  return {
    advertise(admitted, response) {
      const answer = answerTo(response, `application/x-${admitted.service}-advertisement`)
      handle(admitted, new PassThrough().end(), answer, {})
    },
    exchange(admitted, { head, begun, rest }, response) {
      return new Promise((ended) => {
        const asked = new PassThrough()
        const answer = answerTo(response, `application/x-${admitted.service}-result`)
        const broken = (error: Error) => {
          log.error('git did not start', error)
          response.destroy()
          ended()
        }
        const begin = (action: Action) => {
          action.on('error', broken)
          action.once('service', (child) => {
            started = true
            child.once('close', ended)
            attend(child, admitted, rest, response, notes)
          })
          action.accept()
        }
        let started = false
        response.once('close', () => started || ended())
        handle(admitted, asked, answer, { begin })
        // The library looks at the first piece only, and never at an error.
        asked.write(head)
        asked.write(begun)
        rest.pipe(asked)
      })
    },
  }
}

/** What the library writes to. Read to its end in any case: git, whose output nobody takes, would stay for ever. */
function answerTo(response: ServerResponse, type: string): PassThrough {
  const answer = new PassThrough()
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' })
  answer.pipe(response)
  response.once('close', () => {
    answer.unpipe(response)
    answer.resume()
  })
  return answer
}

/** Lets the hook know who pushes, and git's process end when its client does. */
function attend(child: ChildProcess, admitted: Admitted, rest: Body['rest'], response: ServerResponse, notes: string) {
  child.stdin?.on('error', () => {})
  child.stderr?.resume()
  if (child.pid === undefined) return
  const note = join(notes, String(child.pid))
  writeFileSync(note, `${admitted.token} ${admitted.from}\n`, { mode: 0o600 })

  let deadline: NodeJS.Timeout | undefined
  const clientGone = () => {
    if (response.writableFinished) return
    rmSync(note, { force: true })
    if (!rest.readableEnded) child.stdin?.destroy()
    if (admitted.service === 'git-upload-pack') child.kill()
    else deadline ??= setTimeout(() => child.kill(), patience)
  }
  response.once('close', clientGone)
  rest.once('error', () => response.destroy())
  child.once('close', () => {
    clearTimeout(deadline)
    rmSync(note, { force: true })
  })
  // It may have happened before git was there.
  if (rest.errored) response.destroy()
  if (response.closed) clientGone()
}
