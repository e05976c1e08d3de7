/** The `certificate` class: gets certificates signed. What is signed, for whom and when again is the kernel's to decide. */
import { UserError } from '../../errors.ts'

export interface CertificateDriver {
  /** Looks whether the issuer answers and takes these settings; throws a sentence that says what to change. */
  check(signal: AbortSignal): Promise<void>
  /** What it can prove these names by; empty: the issuer asks for no proof. Throws `usage` for names that it cannot issue at all. */
  challenges(names: readonly string[]): Promise<readonly ('http-01' | 'dns-01')[]>
  /**
   * A new key and a certificate for exactly these names, which are lower case, `*.example.com` among them. Repeating it
   * after a crash leaves nothing behind at the issuer but an order that nobody took. Throws `refused` with the issuer's own
   * reason, `unavailable` when it does not answer, `AskLater` when it says when to come again.
   */
  issue(
    names: readonly string[],
    answers: ChallengeAnswers,
    progress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<Issued>
  /** When the issuer wants it renewed (ARI, RFC 9773): somewhere in this window. Null: the issuer does not say. */
  renewal(chain: string, signal: AbortSignal): Promise<RenewalWindow | null>
  /** Not an error when it is revoked or has expired already. Throws as `issue`. */
  revoke(certificate: Issued, signal: AbortSignal): Promise<void>
}

/** PEM. The leaf comes first, then whatever leads to a root that clients know, without that root. */
export interface Issued {
  readonly chain: string
  readonly key: string
}

/** RFC 3339, UTC. */
export interface RenewalWindow {
  readonly from: string
  readonly until: string
}

/** What the kernel shows to the issuer for a driver. DNS records are the driver's own business: it has the settings. */
export interface ChallengeAnswers {
  /** `/.well-known/acme-challenge/<token>` answers `text` on every host from when this resolves. */
  show(token: string, text: string): Promise<void>
  /** Not an error when it is gone. */
  withdraw(token: string): Promise<void>
}

/** The issuer says when it may be asked again, such as after a rate limit. */
export class AskLater extends UserError {
  /** RFC 3339, UTC. */
  readonly at: string

  constructor(message: string, at: string, detail: readonly string[] = []) {
    super('unavailable', message, undefined, detail)
    this.at = at
  }
}
