import { entraAppCertificateHarness } from '../contract/entra-app-certificate.harness.ts';
import { describeCrashPass } from './crash-suite.ts';

// A file of its own: the identity library keeps tokens for the whole process, and those of another cloud are refused here.
describeCrashPass('entra-app-certificate', [
  entraAppCertificateHarness({ readers: 'all', contentType: 'application/x-pkcs12', renewed: true }),
]);
