import { ExternalHarness } from '../contract/external.harness.ts';
import { describeCrashes } from './crash-suite.ts';

describeCrashes(new ExternalHarness('many'));
describeCrashes(new ExternalHarness('two-slots'));
