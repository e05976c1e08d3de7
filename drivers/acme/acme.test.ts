import { certificateConforms, issuerConforms } from '../conformance/certificate.ts'
import { acmeByBind, acmeByWeb, acmeByWebhook } from './acme-for-test.ts'

issuerConforms('acme, by the web', () => acmeByWeb({ badNonces: 10 }))
issuerConforms('acme, by records in a BIND', acmeByBind)
certificateConforms('acme, by a webhook', acmeByWebhook)
