import { parcelHarness } from '../../examples/sample-rotator/harness.ts';
import { describeCrashes } from './crash-suite.ts';

describeCrashes(parcelHarness());
