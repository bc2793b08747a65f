import { app as functions } from '@azure/functions';
import { app } from './app.ts';
import { attempt } from './failure.ts';

/** What the platform gave up on after `maxDequeueCount` tries of 'propagation': recorded, so that nothing is lost unseen. */
functions.storageQueue('poisonPropagation', {
  queueName: 'propagation-poison',
  connection: 'KeyturnStorage',
  handler: (message, context) => attempt(context, async () => (await app()).poisoned('propagation', message)),
});
