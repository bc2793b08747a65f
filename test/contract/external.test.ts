import { ExternalHarness } from './external.harness.ts';
import { describeRotator } from './rotator-suite.ts';

describeRotator(new ExternalHarness('many'));
describeRotator(new ExternalHarness('two-slots'));
