import type { TokenCredential } from '@azure/core-auth';
import type { EventGridPublisherClient } from '@azure/eventgrid';
import type { Announcement, Announcer } from '../rotation/ports.ts';
import { storageError } from './errors.ts';
import { once } from './storage.ts';

export interface TopicDeps {
  /** The topic's endpoint, `https://….eventgrid.azure.net/api/events`. */
  readonly endpoint?: string;
  readonly credential: () => Promise<TokenCredential>;
}

/**
 * Publishes announcements to the service's own Event Grid topic, as CloudEvents 1.0: `source` is the vault, `subject`
 * the object, `id` the idempotency key. Without an endpoint (no KEYTURN_TOPIC_ENDPOINT) nothing is published and
 * every announcement succeeds: the topic is an offer to others, no rotation depends on it.
 * One request for each announcement.
 */
export function createAnnouncer(deps: TopicDeps): Announcer {
  const { endpoint } = deps;
  if (endpoint === undefined) return { announce: () => Promise.resolve() };
  const client = once(async (): Promise<EventGridPublisherClient<'CloudEvent'>> => {
    const { EventGridPublisherClient: Client } = await import('@azure/eventgrid');
    return new Client(endpoint, 'CloudEvent', await deps.credential(), { retryOptions: { maxRetries: 0 } });
  });
  return {
    async announce(event, call) {
      const action = {
        doing: `announcing ${event.type} of ${event.object.name} at ${endpoint}`,
        writes: true,
      };
      try {
        const on = await client();
        await on.send([cloudEvent(event)], { abortSignal: call.signal });
      } catch (error) {
        throw storageError(error, 'topic', action, call.now());
      }
    },
  };
}

function cloudEvent(event: Announcement) {
  const { object, version, rotationId } = event;
  return {
    id: event.id,
    type: event.type,
    source: object.vault,
    subject: `${object.kind}s/${object.name}`,
    time: event.at,
    data: {
      ...event.data,
      vault: object.vault,
      kind: object.kind,
      name: object.name,
      ...(version === undefined ? {} : { version }),
      ...(rotationId === undefined ? {} : { rotationId }),
    },
  };
}
