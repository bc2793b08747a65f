import { manualRotator } from '../../src/rotators/manual/rotator.ts';
import { withoutSystemHarness } from '../contract/without-system.harness.ts';
import { describeCrashes } from './crash-suite.ts';

describeCrashes(withoutSystemHarness(manualRotator()));
