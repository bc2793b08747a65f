import { derivedHarness } from './derived.harness.ts';
import { describeRotator } from './rotator-suite.ts';

describeRotator(derivedHarness());
