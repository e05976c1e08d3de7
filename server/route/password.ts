/** Passwords that the proxy asks for. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'

/** 120 bits, in 20 letters that survive being read out of a terminal. */
export function newPassword(): string {
  return randomBytes(15).toString('base64url')
}

/** As `crypt(3)` writes it (`$6$…`). The password goes through a pipe: a word of a command is seen by the whole machine. */
export async function hashed(password: string): Promise<string> {
  const child = spawn('openssl', ['passwd', '-6', '-stdin'], { stdio: ['pipe', 'pipe', 'ignore'] })
  const failed = new Promise<never>((_, reject) => child.once('error', reject))
  child.stdin.on('error', () => {}).end(`${password}\n`)
  const hash = (await Promise.race([text(child.stdout), failed])).trim()
  if (!/^\$6\$[^$]+\$[^$]{86}$/.test(hash)) throw new Error('openssl passwd did not print a hash')
  return hash
}
