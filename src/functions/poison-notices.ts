import { app as functions } from '@azure/functions';
import names from '../names.json' with { type: 'json' };
import { app } from './app.ts';
import { attempt } from './failure.ts';

/** What the platform gave up on after `maxDequeueCount` tries of 'notices': recorded, so that nothing is lost unseen. */
functions.storageQueue('poisonNotices', {
  queueName: names.poisonQueues.notices,
  connection: names.storageConnection,
  handler: (message, context) => attempt(context, async () => (await app()).poisoned('notices', message)),
});
