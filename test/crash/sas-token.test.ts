import { sasTokenHarness } from '../contract/sas-token.harness.ts';
import { describeCrashes } from './crash-suite.ts';

describeCrashes(sasTokenHarness());
