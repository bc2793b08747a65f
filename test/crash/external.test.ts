import { ExternalHarness } from '../contract/external.harness.ts';
import { describeCrashes, describeCrashPass } from './crash-suite.ts';

describeCrashes(new ExternalHarness('many'));
describeCrashPass('external-pair', [new ExternalHarness('two-slots')]);
