/** A driver's own test is one call of these, with the real issuer. */
import { certificatePromises, issuerPromises } from './certificate-promises.ts'
import type { CertificateUnderTest, IssuerUnderTest } from './certificate-under-test.ts'
import { keepsPromises } from './suite.ts'

export function certificateConforms(name: string, make: () => Promise<CertificateUnderTest>): void {
  keepsPromises(`certificate ${name}`, make, certificatePromises)
}

export function issuerConforms(name: string, make: () => Promise<IssuerUnderTest>): void {
  keepsPromises(`certificate ${name}`, make, { ...certificatePromises, ...issuerPromises })
}
