/** devices:* and drivers:* */
import { z } from 'zod'
import { command } from './command.ts'
import { table } from './text.ts'

export const devices = [
  command({
    name: 'devices:list',
    summary: 'List the devices: installed server software, and its driver',
    access: 'app:read',
    kind: 'query',
    args: z.object({}),
    positional: [],
    aliases: [{ name: 'devices' }],
    result: z.array(
      z.object({ name: z.string(), class: z.string(), driver: z.string(), node: z.string(), state: z.string() }),
    ),
    run: async (_args, _context, { devices }) => devices.list(),
    text: (list) =>
      table(
        ['device', 'class', 'driver', 'node', 'state'],
        list.map((one) => [one.name, one.class, one.driver, one.node, one.state]),
        'No devices.',
      ),
  }),
]
