/** Around a whole run of vitest: names the run, and removes the test system if one of its files installed it. */
import { removeSystem } from './system.ts'

export default function setup(): () => Promise<void> {
  process.env.MEGAPOLOS_TEST_RUN = String(process.pid)
  return removeSystem
}
