import { describeOverCloud, harnessOf } from '../contract/arm-key.places.ts';
import { describeCrashes } from './crash-suite.ts';

/** An operation that ends later, and an answer without the key. */
describeOverCloud((shared) => describeCrashes(harnessOf('cosmos-db', shared)));
