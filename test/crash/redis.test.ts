import { describeOverCloud, harnessOf } from '../contract/arm-key.places.ts';
import { describeCrashes } from './crash-suite.ts';

/** Both calls answer at once, with both keys. */
describeOverCloud((shared) => describeCrashes(harnessOf('redis', shared)));
