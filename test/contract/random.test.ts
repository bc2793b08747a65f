import { randomRotator } from '../../src/rotators/random/rotator.ts';
import { describeRotator } from './rotator-suite.ts';
import { withoutSystemHarness } from './without-system.harness.ts';

describeRotator(withoutSystemHarness(randomRotator()));
