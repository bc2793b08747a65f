import { app as functions } from '@azure/functions';
import names from '../names.json' with { type: 'json' };
import { app } from './app.ts';
import { attempt } from './failure.ts';

/** What the platform gave up on after `maxDequeueCount` tries of 'propagation': recorded, so that nothing is lost unseen. */
functions.storageQueue('poisonPropagation', {
  queueName: names.poisonQueues.propagation,
  connection: names.storageConnection,
  handler: (message, context) => attempt(context, async () => (await app()).poisoned('propagation', message)),
});
