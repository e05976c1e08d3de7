/** Reads a driver's `driver.json`, strictly: an unknown field is an error that names it. */
import { z } from 'zod'
import { deviceClasses, type Manifest, privileges } from '../domain/device.ts'

const manifest = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,29}$/, 'must be lower-case letters, digits and hyphens, at most 30'),
  version: z.string().regex(/^\d+\.\d+\.\d+$/, 'must be three numbers, such as 1.0.0'),
  class: z.enum(deviceClasses),
  contract: z.literal(1),
  runs: z.literal('module'),
  description: z.string().min(1).max(200),
  privileges: z.array(z.enum(privileges)),
})

export function parseManifest(text: string): { manifest: Manifest } | { problem: string } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { problem: 'is not JSON' }
  }
  const result = manifest.safeParse(value)
  if (result.success) return { manifest: result.data }
  return { problem: result.error.issues.map(sentence).join('; ') }
}

function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `has the unknown field ${issue.keys.join(', ')}`
  return `${issue.path.join('.') || 'the file'}: ${issue.message}`
}
