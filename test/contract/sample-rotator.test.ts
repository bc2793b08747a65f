import { parcelHarness } from '../../examples/sample-rotator/harness.ts';
import { describeRotator } from './rotator-suite.ts';

describeRotator(parcelHarness());
