import { entraAppSecretHarness } from '../contract/entra-app-secret.harness.ts';
import { describeCrashes } from './crash-suite.ts';

describeCrashes(entraAppSecretHarness('all'));
