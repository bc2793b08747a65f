import { derivedHarness } from '../contract/derived.harness.ts';
import { describeCrashes } from './crash-suite.ts';

describeCrashes(derivedHarness());
