/** What `install.sh` asks with `node server/main.ts --flag` while the kernel does not run. */
import { join } from 'node:path'
import type { Config } from './config.ts'
import { createDevices } from './devices/devices.ts'
import { loadRegistry } from './devices/registry.ts'
import { systemName } from './home.ts'
import type { Log } from './log.ts'
import { openStore, restoreState } from './state/open.ts'
import { loadKey } from './state/secrets.ts'

export async function answerFlag(flag: string, file: string, config: Config, log: Log): Promise<void> {
  if (flag === '--restore-state') return restoreState(config, file)
  const store = await openStore({ config, key: await loadKey(join(config.paths.keys, 'secret.key')), log })
  if (flag === '--save-state') await store.backup(file)
  else if (flag === '--proxy-command') {
    const devices = createDevices({
      registry: await loadRegistry(join(config.program, 'drivers')),
      store,
      config,
      system: await systemName(config.home),
      log,
    })
    await devices.installDefaults()
    process.stdout.write(`${devices.proxy().command().join('\n')}\n`)
  } else throw new Error(`unknown flag ${flag}`)
  await store.close()
}
