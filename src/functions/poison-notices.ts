import { app as functions } from '@azure/functions';
import { app } from './app.ts';
import { attempt } from './failure.ts';

/** What the platform gave up on after `maxDequeueCount` tries of 'notices': recorded, so that nothing is lost unseen. */
functions.storageQueue('poisonNotices', {
  queueName: 'notices-poison',
  connection: 'KeyturnStorage',
  handler: (message, context) => attempt(context, async () => (await app()).poisoned('notices', message)),
});
