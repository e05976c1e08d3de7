import { certificateMutants } from '../conformance/certificate-mutants.ts'
import { certificatePromises, issuerPromises } from '../conformance/certificate-promises.ts'
import { mutantsAreCaught } from '../conformance/suite.ts'
import { acmeByWeb } from './acme-for-test.ts'

mutantsAreCaught(
  'an issuer that is wrong in one thing is seen: it',
  () => acmeByWeb(),
  { ...certificatePromises, ...issuerPromises },
  certificateMutants,
)
