/** The firewall: what keeps containers from the services of this machine. */
import { check } from '../check.ts'

export const firewall = check<{ missing: readonly string[] }>({
  name: 'firewall',
  about: 'The firewall',
  remedy: (commands) => commands.restart('kernel'),
  probe: async ({ firewall }) => ({ missing: await firewall.missing() }),
  judge: ({ missing }, commands) =>
    missing.length === 0
      ? []
      : [
          {
            severity: 'error',
            problem: `The firewall of ${missing.join(' and ')} is not in place: containers reach every service of this machine.`,
            // The kernel puts it in place when it starts.
            fix: commands.restart('kernel'),
          },
        ],
})
