import { app as functions } from '@azure/functions';
import { app } from './app.ts';
import { delivery } from './delivery.ts';
import { attempt } from './failure.ts';

/** A new version of a managed object is made known: the ledger row and the service's own Event Grid topic. */
functions.storageQueue('propagate', {
  queueName: 'propagation',
  connection: 'KeyturnStorage',
  handler: (message, context) => attempt(context, async () => (await app()).propagate(message, delivery(context))),
});
