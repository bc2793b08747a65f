import { entraAppCertificateHarness } from './entra-app-certificate.harness.ts';
import { describeRotator } from './rotator-suite.ts';

describeRotator(entraAppCertificateHarness({ readers: 'any', contentType: 'application/x-pkcs12', renewed: false }));
