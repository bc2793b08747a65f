import { describeRotator } from './rotator-suite.ts';
import { sasTokenHarness } from './sas-token.harness.ts';

describeRotator(sasTokenHarness());
describeRotator(sasTokenHarness('container=reports&sp=rl'));
