import { entraAppCertificateHarness } from '../contract/entra-app-certificate.harness.ts';
import { describeCrashes } from './crash-suite.ts';

describeCrashes(entraAppCertificateHarness({ readers: 'all', contentType: 'application/x-pem-file', renewed: false }));
