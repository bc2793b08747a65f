import { manualRotator } from '../../src/rotators/manual/rotator.ts';
import { describeRotator } from './rotator-suite.ts';
import { withoutSystemHarness } from './without-system.harness.ts';

describeRotator(withoutSystemHarness(manualRotator()));
