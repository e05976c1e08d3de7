/** What `install.sh` asks with `node server/main.ts --flag` while the kernel does not run. */
import { join } from 'node:path'
import type { Config } from './config.ts'
import { systemName } from './home.ts'
import type { Log } from './log.ts'
import { openDevices } from './open/devices.ts'
import { openStore, restoreState } from './state/open.ts'
import { loadKey } from './state/secrets.ts'

export async function answerFlag(flag: string, file: string, config: Config, log: Log): Promise<void> {
  if (flag === '--restore-state') return restoreState(config, file, { elsewhere: false })
  if (flag === '--restore-server') return restoreState(config, file, { elsewhere: true })
  const key = await loadKey(join(config.paths.keys, 'secret.key'))
  const store = await openStore({ config, key, log })
  if (flag === '--save-state') await store.backup(file)
  else if (flag === '--proxy-command') {
    const world = {
      config,
      store,
      key,
      system: await systemName(config.home),
      users: async () => [],
      tell: () => {},
      log,
    }
    const { devices } = await openDevices(world)
    await devices.installDefaults()
    process.stdout.write(`${devices.proxy().command().join('\n')}\n`)
  } else throw new Error(`unknown flag ${flag}`)
  await store.close()
}
