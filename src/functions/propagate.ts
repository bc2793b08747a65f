import { app as functions } from '@azure/functions';
import names from '../names.json' with { type: 'json' };
import { app } from './app.ts';
import { delivery } from './delivery.ts';
import { attempt } from './failure.ts';

/** A new version of a managed object is made known: the ledger row and the service's own Event Grid topic. */
functions.storageQueue('propagate', {
  queueName: names.queues.propagation,
  connection: names.storageConnection,
  handler: (message, context) => attempt(context, async () => (await app()).propagate(message, delivery(context))),
});
