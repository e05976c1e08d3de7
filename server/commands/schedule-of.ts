/** What is destroyed takes its schedule of backups along, and whoever types that is told. */
import type { BackupKind } from '../domain/backup.ts'
import type { Kernel } from './kernel.ts'

export async function isScheduled({ store }: Kernel, kind: BackupKind, name: string): Promise<boolean> {
  return (await store.schedules.list()).some((one) => one.kind === kind && one.subject === name)
}

export function scheduleEnds(name: string): string {
  return `It is not backed up by itself any more. Its backups stay: backups:list ${name}`
}
