import { certificateMutants } from '../conformance/certificate-mutants.ts'
import { certificatePromises, issuerPromises } from '../conformance/certificate-promises.ts'
import { seesMutants } from '../conformance/suite.ts'
import { acmeByWeb } from './acme-for-test.ts'

seesMutants(
  'an issuer that is wrong in one thing is seen: it',
  () => acmeByWeb(),
  { ...certificatePromises, ...issuerPromises },
  certificateMutants,
)
