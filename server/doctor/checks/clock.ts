/** The clock: certificates, sign-in links and every time that is shown depend on it. */
import { check, type Finding } from '../check.ts'
import { clockOffset, type Offset, timeServers } from '../time-servers.ts'

export interface ClockFacts {
  /** Against a time server; null when none answers. */
  readonly offset: Offset | null
  /** Seconds by which the newest event lies in the future: the clock was set back. */
  readonly setBack: number
}

/** Seconds. */
const [tolerable, harmful] = [2, 30]

export const clock = check<ClockFacts>({
  name: 'clock',
  about: 'The clock',
  needs: ['store'],
  remedy: () => 'timedatectl',
  async probe({ store, now }) {
    const [offset, newest] = await Promise.all([
      timeServers().then((servers) => clockOffset(servers, now)),
      store.events.list({ limit: 1 }),
    ])
    return { offset, setBack: newest.reduce((most, { at }) => Math.max(most, (Date.parse(at) - now()) / 1000), 0) }
  },
  judge: ({ offset, setBack }) => {
    if (offset && Math.abs(offset.ahead) > tolerable) {
      const way = offset.ahead > 0 ? 'ahead of' : 'behind'
      const by = Math.abs(offset.ahead)
      const problem = `The clock is ${seconds(by)} ${way} that of ${offset.server}: certificates and sign-in links may be refused.`
      return [{ severity: by > harmful ? 'error' : 'warning', problem, fix } satisfies Finding]
    }
    if (setBack < tolerable) return []
    const problem = `The clock was set back: the newest event was written ${seconds(setBack)} later than now.`
    return [{ severity: setBack > harmful ? 'error' : 'warning', problem, fix }]
  },
})

/** Unlike others, chrony sets a clock that is far off at once when it starts. */
const fix = 'apt-get install -y chrony && systemctl restart chrony'

function seconds(count: number): string {
  if (count < 120) return `${count.toFixed(1)} s`
  return count < 7200 ? `${Math.round(count / 60)} min` : `${Math.round(count / 3600)} h`
}
