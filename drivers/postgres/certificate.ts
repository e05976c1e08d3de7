/** The server's TLS certificate: made once, and kept with the secrets of the device. */
import type { DriverHost } from '../../server/devices/driver.ts'
import { type Certificate, selfSigned } from '../shared/certificate.ts'

/** Twenty years: nobody renews it, and nobody looks. */
const days = 7305

export async function certificateOf(host: DriverHost): Promise<Certificate> {
  const kept = await host.secrets.get('certificate')
  if (kept !== null) return JSON.parse(kept) as Certificate
  const made = await selfSigned([host.device], days)
  await host.secrets.set('certificate', JSON.stringify(made))
  return made
}
