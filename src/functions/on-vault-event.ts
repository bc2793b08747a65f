import { app as functions } from '@azure/functions';
import names from '../names.json' with { type: 'json' };
import { app } from './app.ts';
import { attempt } from './failure.ts';

/**
 * Key Vault's events, pushed by Event Grid in its own schema or as CloudEvents 1.0: the event comes as it was sent.
 * A throw makes Event Grid send the whole delivery again, so what is done must bear repeating.
 */
functions.eventGrid(names.eventFunction, {
  handler: (event: unknown, context) =>
    attempt(context, async () => (await app()).onVaultEvent(event, { deliveryId: context.invocationId })),
});
