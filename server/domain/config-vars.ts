/** What config vars may be called and hold. */

const configKey = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/
export function isConfigKey(name: string): boolean {
  return configKey.test(name) && name !== '__proto__'
}

/** Linux takes no longer `NAME=value`, with the byte that ends it, into the environment of a process. */
const longestVar = 128 * 1024
/** The environment shares its room with the arguments, and a build step takes all of it at once. */
const allVars = 256 * 1024

/** Says what is wrong with a config var, or null. */
export function configVarProblem(key: string, value: string): string | null {
  if (!isConfigKey(key)) {
    const name = key.slice(0, 60)
    return `“${name}” cannot be a config var: at most 128 letters, digits and _, not starting with a digit.`
  }
  if (value.includes('\0')) return `${key} holds a NUL character, which no process can be given.`
  const size = sizeOf(key, value)
  if (size <= longestVar) return null
  return `${key} is ${kilobytes(size)} KB long with its value; a process can be given ${kilobytes(longestVar)} KB.`
}

/** The same for all those of an app together. */
export function configProblem(config: Readonly<Record<string, string>>): string | null {
  const size = Object.entries(config).reduce((sum, [key, value]) => sum + sizeOf(key, value), 0)
  if (size <= allVars) return null
  return `The config vars would be ${kilobytes(size)} KB together; at most ${kilobytes(allVars)} KB are allowed.`
}

function sizeOf(key: string, value: string): number {
  return Buffer.byteLength(key) + Buffer.byteLength(value) + 2
}

function kilobytes(bytes: number): number {
  return Math.ceil(bytes / 1024)
}
