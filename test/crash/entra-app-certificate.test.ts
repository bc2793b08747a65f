import { entraAppCertificateHarness } from '../contract/entra-app-certificate.harness.ts';
import { describeCrashes, describeCrashPass } from './crash-suite.ts';

describeCrashes(entraAppCertificateHarness({ readers: 'all', contentType: 'application/x-pem-file', renewed: false }));
describeCrashPass('entra-app-certificate', [
  entraAppCertificateHarness({ readers: 'all', contentType: 'application/x-pkcs12', renewed: true }),
]);
