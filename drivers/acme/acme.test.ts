import { conformsCertificate, conformsIssuer } from '../conformance/certificate.ts'
import { acmeByBind, acmeByWeb, acmeByWebhook } from './acme-for-test.ts'

conformsIssuer('acme, by the web', () => acmeByWeb({ badNonces: 10 }))
conformsIssuer('acme, by records in a BIND', acmeByBind)
conformsCertificate('acme, by a webhook', acmeByWebhook)
