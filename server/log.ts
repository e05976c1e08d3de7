/** The kernel's own log: one JSON line an event on standard error, with secrets masked. */
export type Fields = Record<string, unknown>

export interface Log {
  info(event: string, fields?: Fields): void
  warn(event: string, fields?: Fields): void
  error(event: string, error: unknown, fields?: Fields): void
}

const secretName = /pass|secret|token|key$|credential|authorization|^value$/i

export function createLog(write: (line: string) => void = (line) => process.stderr.write(`${line}\n`)): Log {
  const line = (level: string, event: string, fields: Fields) =>
    write(JSON.stringify({ at: new Date().toISOString(), level, event, ...masked(fields) }))
  return {
    info: (event, fields = {}) => line('info', event, fields),
    warn: (event, fields = {}) => line('warn', event, fields),
    error: (event, error, fields = {}) =>
      line('error', event, {
        ...fields,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }),
  }
}

function masked(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, secretName.test(name) ? '***' : value]),
  )
}
