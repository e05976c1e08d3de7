/** What the suite needs of an issuer: the real one that its driver asks, and a view of all that others could see. */
import type { CertificateDriver, ChallengeAnswers, Issued } from '../../server/devices/classes/certificate.ts'

export interface CertificateUnderTest {
  /** It can get any name below `example.com`. */
  readonly driver: CertificateDriver
  /** Shows it where the issuer looks. */
  readonly answers: ChallengeAnswers
  /** Whether it can prove `*.example.com`. */
  readonly wildcards: boolean
  /** PEM of what a client has to trust to take this certificate. */
  trust(issued: Issued): Promise<string>
  /** The proofs that anybody can see now, wherever they are shown. */
  proofs(): Promise<string[]>
  /** What others can read: the log, and the words of programs. */
  written(): string
  /** What must never stand there. */
  secrets(): Promise<string[]>
  remove(): Promise<void>
}

/** A driver that asks somebody else to sign. */
export interface IssuerUnderTest extends CertificateUnderTest {
  readonly issuer: {
    revoked(issued: Issued): Promise<boolean>
    /** From now on it cannot see what proves this name. */
    mislead(name: string): Promise<void>
    kill(): Promise<void>
    /** Again, having forgotten everything. */
    start(): Promise<void>
  }
}
