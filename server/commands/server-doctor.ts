/** server:doctor */
import { z } from 'zod'
import { UserError } from '../errors.ts'
import { command } from './command.ts'

export const serverDoctor = [
  command({
    name: 'server:doctor',
    summary: 'Look for what is wrong with the server, and say the command that mends it',
    access: 'admin',
    kind: 'query',
    args: z.object({}),
    positional: [],
    aliases: [{ name: 'doctor' }],
    result: z.object({
      checks: z.number(),
      healthy: z.boolean(),
      findings: z.array(z.object({ check: z.string(), severity: z.string(), problem: z.string(), fix: z.string() })),
    }),
    run: async (_args, _context, { doctor }) => {
      const { checks, healthy, findings } = await doctor.examine()
      return { checks, healthy, findings: [...findings] }
    },
    text: ({ checks, healthy, findings }) => [
      ...(healthy ? [`Everything is in order (${checks} checks).`] : []),
      ...findings.flatMap(({ severity, problem, fix }) => [`${severity}: ${problem}`, `  ${fix}`]),
    ],
    unwell: ({ checks, healthy, findings }) => {
      if (healthy) return null
      const count = findings.filter(({ severity }) => severity !== 'note').length
      const sentence = `${count} ${count === 1 ? 'thing is' : 'things are'} wrong (${checks} checks).`
      return new UserError(
        'refused',
        sentence,
        'The line below each is the command that mends it, for root on the server.',
      )
    },
  }),
]
