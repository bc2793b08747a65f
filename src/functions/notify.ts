import { app as functions } from '@azure/functions';
import names from '../names.json' with { type: 'json' };
import { app } from './app.ts';
import { delivery } from './delivery.ts';
import { attempt } from './failure.ts';

/** One notice to one channel; what fails is delivered again by the platform, and given up at last. */
functions.storageQueue('notify', {
  queueName: names.queues.notices,
  connection: names.storageConnection,
  handler: (message, context) => attempt(context, async () => (await app()).notify(message, delivery(context))),
});
