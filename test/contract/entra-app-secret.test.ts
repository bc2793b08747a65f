import { entraAppSecretHarness } from './entra-app-secret.harness.ts';
import { describeRotator } from './rotator-suite.ts';

describeRotator(entraAppSecretHarness('any'));
