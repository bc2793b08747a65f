import { app as functions } from '@azure/functions';
import names from '../names.json' with { type: 'json' };
import { app } from './app.ts';
import { delivery } from './delivery.ts';
import { attempt } from './failure.ts';

/** One step of a rotation or as many as can be done now; the rest comes back through the queue with its delay. */
functions.storageQueue('rotate', {
  queueName: names.queues.rotation,
  connection: names.storageConnection,
  handler: (message, context) => attempt(context, async () => (await app()).rotate(message, delivery(context))),
});
