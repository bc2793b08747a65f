import { app as functions } from '@azure/functions';
import { app } from './app.ts';
import { attempt } from './failure.ts';

/**
 * Finds what events do not tell: missed ones, lead times, due retirements, stuck runs. The schedule is a setting (six
 * fields, UTC). Never run at start-up: every scaled-out instance would sweep.
 */
functions.timer('sweep', {
  schedule: '%KEYTURN_SWEEP_SCHEDULE%',
  runOnStartup: false,
  handler: (_timer, context) => attempt(context, async () => (await app()).sweep()),
});
