import { randomRotator } from '../../src/rotators/random/rotator.ts';
import { withoutSystemHarness } from '../contract/without-system.harness.ts';
import { describeCrashes } from './crash-suite.ts';

describeCrashes(withoutSystemHarness(randomRotator()));
