/** The clock: certificates, sign-in links and every time that is shown depend on it. */
import { check } from '../check.ts'
import { clockOffset, type Offset, timeServers } from '../time-servers.ts'

/** Seconds, everywhere. */
export interface ClockFacts {
  /** Against a time server; null when none answers. */
  readonly offset: Offset | null
  /** How far Docker's clock is ahead. */
  readonly engine: number
  /** How far the newest event lies in the future. */
  readonly setBack: number
  /** How far the clock went on since the kernel started, beyond the time that went by. */
  readonly jumped: number
}

const [tolerable, harmful] = [2, 30]

export const clock = check<ClockFacts>({
  name: 'clock',
  about: 'The clock',
  needs: ['store', 'engine'],
  remedy: () => 'timedatectl',
  async probe({ store, engine, now }) {
    const before = now()
    const { time } = await engine.info()
    const engineAhead = (time - (before + now()) / 2) / 1000
    const [offset, newest] = await Promise.all([
      timeServers().then((servers) => clockOffset(servers, now)),
      store.events.list({ limit: 1 }),
    ])
    return {
      offset,
      engine: engineAhead,
      setBack: newest.reduce((most, { at }) => Math.max(most, (Date.parse(at) - now()) / 1000), 0),
      jumped: (now() - performance.timeOrigin - performance.now()) / 1000,
    }
  },
  judge: (facts) => {
    const { by, problem } = skew(facts)
    if (by <= tolerable) return []
    return [{ severity: by > harmful ? 'error' : 'warning', problem, fix }]
  },
})

/** The first that says something; a time server knows best. */
function skew({ offset, engine, setBack, jumped }: ClockFacts): { by: number; problem: string } {
  const away = (ahead: number, whose: string) => ({
    by: Math.abs(ahead),
    problem: `The clock is ${seconds(ahead)} ${ahead > 0 ? 'ahead of' : 'behind'} that of ${whose}: certificates and sign-in links may be refused.`,
  })
  if (offset) return away(offset.ahead, offset.server)
  if (Math.abs(engine) > tolerable) return away(-engine, 'Docker')
  if (setBack > tolerable)
    return {
      by: setBack,
      problem: `The clock was set back: the newest event was written ${seconds(setBack)} later than now.`,
    }
  // It may have been set right; but nobody who knows the time can be asked.
  return {
    by: Math.abs(jumped) > harmful ? Math.abs(jumped) : 0,
    problem: `The clock was set ${jumped > 0 ? 'forward' : 'back'} by ${seconds(jumped)} while the kernel ran, and no time server answers to say which is right.`,
  }
}

/** Unlike others, chrony sets a clock that is far off at once when it starts. */
const fix = 'apt-get install -y chrony && systemctl restart chrony'

function seconds(signed: number): string {
  const count = Math.abs(signed)
  if (count < 120) return `${count.toFixed(1)} s`
  return count < 7200 ? `${Math.round(count / 60)} min` : `${Math.round(count / 3600)} h`
}
