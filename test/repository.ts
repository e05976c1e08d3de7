/** What a person does in a folder before they push it. */
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Person } from './person.ts'

/** A copy of a sample app as a new repository, with the remote `megapolos`; the person then is in it. */
export async function example(person: Person, app: string, name: string): Promise<void> {
  await person.must('cp', '-rT', `apps/${app}`, name)
  person.folder = resolve(person.folder, name)
  await person.must('git', 'init', '--quiet')
  await commit(person, `Add ${app}`)
  await person.must('git', 'remote', 'add', 'megapolos', `megapolos:${name}`)
}

/** Replaces the whole tree by that of another sample app, as a new commit. */
export async function become(person: Person, app: string): Promise<void> {
  await person.must('git', 'rm', '-rq', '.')
  await person.must('cp', '-rT', `../apps/${app}`, '.')
  await commit(person, `Become ${app}`)
}

export async function edit(person: Person, file: string, from: string, to: string): Promise<void> {
  const path = resolve(person.folder, file)
  const text = await readFile(path, 'utf8')
  if (!text.includes(from)) throw new Error(`${file} has no "${from}"`)
  await writeFile(path, text.replace(from, to))
}

export async function commit(person: Person, message: string): Promise<void> {
  await person.must('git', 'add', '--all')
  await person.must('git', 'commit', '--quiet', '-m', message)
}

export function push(person: Person): Promise<string> {
  return person.must('git', 'push', 'megapolos', 'main')
}
