import { app as functions } from '@azure/functions';
import names from '../names.json' with { type: 'json' };
import { app } from './app.ts';
import { delivery } from './delivery.ts';
import { attempt } from './failure.ts';

/** The same events where Event Grid cannot reach the app (private networks): it fills a queue, the app empties it. */
functions.storageQueue('onVaultEventQueue', {
  queueName: names.queues.events,
  connection: names.storageConnection,
  handler: (event, context) =>
    attempt(context, async () => (await app()).onVaultEvent(event, { deliveryId: delivery(context).id })),
});
