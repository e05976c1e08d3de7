/** A request at the socket of an app → a command and its arguments, as they would be typed. */
import type { IncomingMessage } from 'node:http'
import { UserError } from '../errors.ts'

export interface Asked {
  readonly command: string
  readonly args: Readonly<Record<string, unknown>>
  /** The method allows it to change something. */
  readonly changes: boolean
}

/** Bytes. */
const longestBody = 64 * 1024

/** Throws `usage`. */
export async function readRequest(request: IncomingMessage): Promise<Asked> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://kernel')
  const keys = [...new Set(searchParams.keys())]
  const query = Object.fromEntries(
    keys.map((key) => {
      const values = searchParams.getAll(key)
      return [key, values.length > 1 ? values : values[0]]
    }),
  )
  if (request.method !== 'GET' && request.method !== 'POST')
    throw new UserError('usage', `${request.method} is not a method of this door; it has GET and POST.`)
  const command = decode(pathname.slice(1)) || 'help'
  return { command, args: { ...query, ...(await bodyOf(request)) }, changes: request.method === 'POST' }
}

/** `{ scales: { web: 2 }, dryRun: true }` → `--scales=web=2 --dry-run`: what is not an argument is told as it is to people. */
export function wordsOf(command: string, args: Asked['args']): string[] {
  const options = Object.entries(args).flatMap(([key, value]) => {
    const name = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    return texts(key, value).map((text) => `${name}=${text}`)
  })
  return [command, ...options.filter((word) => !word.startsWith('--format=')), '--format=json']
}

function texts(key: string, value: unknown): string[] {
  if (!/^[a-zA-Z][a-zA-Z-]*$/.test(key)) throw new UserError('usage', `“${key.slice(0, 60)}” is not an argument.`)
  if (value === null || value === undefined) return []
  if (Array.isArray(value)) return value.map((one) => plain(key, one))
  if (typeof value === 'object') return Object.entries(value).map(([name, one]) => `${name}=${plain(key, one)}`)
  return [plain(key, value)]
}

function plain(key: string, value: unknown): string {
  if (['string', 'number', 'boolean'].includes(typeof value)) return String(value)
  throw new UserError('usage', `${key} holds something that is neither a text nor a number.`)
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  let size = 0
  // Who sends too much is still answered.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > longestBody) throw new UserError('usage', `That is more than ${longestBody / 1024} KB.`)
    chunks.push(chunk)
  }
  if (size === 0) return {}
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString())
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Told below.
  }
  throw new UserError('usage', 'The body is not a JSON object.', 'Such as: {"scales": {"web": 2}}')
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
