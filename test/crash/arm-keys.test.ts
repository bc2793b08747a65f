import { describeOverCloud, harnessOf, KINDS } from '../contract/arm-key.places.ts';
import { describeCrashPass } from './crash-suite.ts';

/** Those that the whole suite looks at, each for another way of answering, in files of their own. */
const WHOLE = ['cosmos-db', 'redis', 'apim-subscription'];

describeOverCloud((shared) =>
  describeCrashPass(
    'rows of the arm-key rotator',
    KINDS.filter((kind) => !WHOLE.includes(kind)).map((kind) => harnessOf(kind, shared)),
  ),
);
