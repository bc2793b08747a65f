/**
 * Queue triggers, by the rules of the storage extension (QueueListener and QueueProcessor of the WebJobs SDK): a
 * message is taken for ten minutes and renewed while its function runs; success deletes it; failure hides it for
 * host.json's `visibilityTimeout`; after `maxDequeueCount` tries it moves to `<queue>-poison`. A failed message of a
 * poison queue itself stays hidden for what is left of the ten minutes and comes back: poison never vanishes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DequeuedMessageItem, QueueClient, QueueServiceClient } from '@azure/storage-queue';
import { LEASE_MS, MessageWorker } from './message.ts';
import type { WorkerOptions } from './message.ts';
import type { Connection } from './settings.ts';

/** How the host's own requests can be told from the app's on the wire. */
export const HOST_USER_AGENT = 'sandbox-functions-host';

export interface QueueListenerOptions extends WorkerOptions {
  readonly queueName: string;
  readonly connection: Connection;
  /** Milliseconds between looks into an empty queue. */
  readonly pollMs: number;
}

const services = new Map<string, Promise<QueueServiceClient>>();

/** One client, and with it one token, per connection, however many queues are listened to. */
async function openQueue(connection: Connection, name: string): Promise<QueueClient> {
  const key = JSON.stringify(connection);
  const service = services.get(key) ?? openService(connection);
  services.set(key, service);
  return (await service).getQueueClient(name);
}

async function openService(connection: Connection): Promise<QueueServiceClient> {
  const { QueueServiceClient } = await import('@azure/storage-queue');
  const options = {
    userAgentOptions: { userAgentPrefix: HOST_USER_AGENT },
    retryOptions: { maxTries: 3, retryDelayInMs: 100, maxRetryDelayInMs: 400 },
  };
  if (connection.kind === 'string') return QueueServiceClient.fromConnectionString(connection.value, options);
  const { DefaultAzureCredential } = await import('@azure/identity');
  const { uri, clientId } = connection;
  const credential = new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId });
  return new QueueServiceClient(uri, credential, options);
}

export class QueueListener {
  readonly #options: QueueListenerOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(options: QueueListenerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#listen();
  }

  /** Takes no more messages and waits for those being worked on. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await Promise.all(this.#running);
  }

  async #listen(): Promise<void> {
    const { connection, queueName, settings, pollMs } = this.#options;
    const queue = await openQueue(connection, queueName);
    const poison = queueName.endsWith('-poison') ? undefined : await openQueue(connection, `${queueName}-poison`);
    const worker = new MessageWorker(queue, poison, this.#options);
    while (!this.#stop.signal.aborted) {
      const messages = this.#running.size <= settings.newBatchThreshold ? await this.#receive(queue) : [];
      for (const message of messages) {
        const work = worker.work(message).finally(() => this.#running.delete(work));
        this.#running.add(work);
      }
      if (messages.length > 0) continue;
      if (this.#running.size > settings.newBatchThreshold) await Promise.race(this.#running);
      else await sleep(pollMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  /**
   * A queue that does not exist yet is an empty one: the platform waits for it too. Not aborted by a stop: the server
   * may have handed the messages out already, and they would be hidden for ten minutes with nobody at work on them.
   */
  async #receive(queue: QueueClient): Promise<DequeuedMessageItem[]> {
    try {
      const numberOfMessages = this.#options.settings.batchSize;
      const answer = await queue.receiveMessages({ numberOfMessages, visibilityTimeout: LEASE_MS / 1000 });
      return answer.receivedMessageItems;
    } catch (error) {
      const { statusCode, message } = error as { statusCode?: number; message?: string };
      if (statusCode !== 404 && !this.#stop.signal.aborted) {
        this.#options.log('error', 'host', `queue ${queue.name} cannot be read: ${statusCode ?? ''} ${message ?? ''}`);
      }
      return [];
    }
  }
}
