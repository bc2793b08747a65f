import { describeOverCloud, harnessOf } from '../contract/arm-key.places.ts';
import { describeCrashes } from './crash-suite.ts';

/** A path for each slot, and an answer without a body. */
describeOverCloud((shared) => describeCrashes(harnessOf('apim-subscription', shared)));
