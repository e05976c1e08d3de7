import type { Certificate } from '../domain/certificate.ts'

/** The row of a certificate that is good for 90 days of 2026; its part is called like its first name. */
export function certificateFor(
  app: string | null,
  names: readonly string[],
  more: Partial<Certificate> = {},
): Certificate {
  return {
    ...{ part: names[0] ?? '', app, source: 'issued', device: 'acme', names, issuer: 'Test CA' },
    ...{ notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2026-04-01T00:00:00.000Z', renewal: null, askedAt: null },
    ...more,
  }
}
