/** Waits for news, but not for each piece of them: what rings in quick succession wakes once. */

export interface Bell {
  /** Something changed. */
  ring(): void
  /** Lines are waiting; nothing else need be looked at. */
  hurry(): void
  /** At the earliest after `together` ms, at the latest after `renewal` ms. */
  next(): Promise<'rung' | 'hurried'>
}

export function createBell(together: number, renewal: number): Bell {
  let rung = false
  let hurried = false
  let wake = () => {}
  let due = 0

  return {
    ring() {
      rung = true
      wake()
    },
    hurry() {
      hurried = true
      wake()
    },
    async next() {
      due ||= Date.now() + renewal
      await new Promise((resolve) => setTimeout(resolve, together))
      if (!rung && !hurried) await woken(due - Date.now())
      const result = rung || Date.now() >= due ? 'rung' : 'hurried'
      if (result === 'rung') {
        rung = false
        due = 0
      }
      hurried = false
      return result
    },
  }

  function woken(timeout: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, timeout))
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
