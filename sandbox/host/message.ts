/** One message of a queue trigger, from the moment it was taken to its end. The rules are told in queues.ts. */
import type { DequeuedMessageItem, QueueClient } from '@azure/storage-queue';
import type { LogSink, TriggerInput } from './core.ts';
import type { QueueSettings } from './settings.ts';
import type { Run } from './timers.ts';

export const LEASE_MS = 10 * 60_000;

export interface WorkerOptions {
  readonly functionName: string;
  readonly settings: QueueSettings;
  readonly run: Run;
  readonly log: LogSink;
}

export class MessageWorker {
  readonly #queue: QueueClient;
  readonly #poison: QueueClient | undefined;
  readonly #options: WorkerOptions;

  constructor(queue: QueueClient, poison: QueueClient | undefined, options: WorkerOptions) {
    this.#queue = queue;
    this.#poison = poison;
    this.#options = options;
  }

  /** Sees one message through. Never rejects: what cannot be settled comes back when its ten minutes are over. */
  async work(message: DequeuedMessageItem): Promise<void> {
    const lease = new Lease(this.#queue, message, this.#options.log);
    try {
      const { settings, run, functionName } = this.#options;
      const text = decode(message.messageText, settings.messageEncoding);
      if (text === undefined || message.dequeueCount > settings.maxDequeueCount) {
        await this.#bury(message, lease);
        return;
      }
      lease.keep();
      const succeeded = await run(functionName, queueInput(text, message));
      const popReceipt = await lease.end();
      if (succeeded) await this.#queue.deleteMessage(message.messageId, popReceipt);
      else if (this.#poison !== undefined && message.dequeueCount >= settings.maxDequeueCount) {
        await this.#bury(message, lease);
      } else if (this.#poison !== undefined) {
        const seconds = Math.round(settings.visibilityTimeoutMs / 1000);
        await this.#queue.updateMessage(message.messageId, popReceipt, undefined, seconds);
      }
    } catch (error) {
      await lease.end();
      const { statusCode } = error as { statusCode?: number };
      const what = `message ${message.messageId} of ${this.#queue.name}`;
      this.#options.log('warning', 'host', `${what} could not be settled (${statusCode ?? String(error)})`);
    }
  }

  async #bury(message: DequeuedMessageItem, lease: Lease): Promise<void> {
    if (this.#poison === undefined) return;
    await this.#poison.createIfNotExists();
    await this.#poison.sendMessage(message.messageText);
    await this.#queue.deleteMessage(message.messageId, await lease.end());
    const tries = `after ${message.dequeueCount} tries`;
    this.#options.log('error', 'host', `message ${message.messageId} moved to ${this.#poison.name} ${tries}`);
  }
}

/** Keeps a message hidden while it is worked on: renewed at half-time, on the sandbox's clock. */
class Lease {
  readonly #queue: QueueClient;
  readonly #id: string;
  readonly #log: LogSink;
  #popReceipt: string;
  #renewed = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #renewal: Promise<void> | undefined;

  constructor(queue: QueueClient, message: DequeuedMessageItem, log: LogSink) {
    this.#queue = queue;
    this.#id = message.messageId;
    this.#popReceipt = message.popReceipt;
    this.#log = log;
  }

  keep(): void {
    this.#timer = setInterval(() => {
      if (this.#renewal !== undefined || Date.now() - this.#renewed < LEASE_MS / 2) return;
      this.#renewal = this.#renew().finally(() => (this.#renewal = undefined));
    }, 200);
  }

  /** Stops renewing, a renewal under way included. @returns the receipt that is valid now */
  async end(): Promise<string> {
    clearInterval(this.#timer);
    await this.#renewal;
    return this.#popReceipt;
  }

  async #renew(): Promise<void> {
    try {
      const answer = await this.#queue.updateMessage(this.#id, this.#popReceipt, undefined, LEASE_MS / 1000);
      this.#popReceipt = answer.popReceipt ?? this.#popReceipt;
      this.#renewed = Date.now();
    } catch (error) {
      clearInterval(this.#timer);
      const { statusCode } = error as { statusCode?: number };
      this.#log('warning', 'host', `message ${this.#id} could not be renewed (${statusCode ?? String(error)})`);
    }
  }
}

/** The message's text, or undefined for what is not base64 although the host was told that it is. */
function decode(text: string, encoding: QueueSettings['messageEncoding']): string | undefined {
  if (encoding === 'none') return text;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === text.trim().replace(/=+$/, '')
    ? bytes.toString('utf8')
    : undefined;
}

/** As the extension hands it over: the text as a string, counts and dates as JSON. */
export function queueInput(text: string, message: DequeuedMessageItem): TriggerInput {
  const date = (value: Date): { json: string } => ({ json: JSON.stringify(value.toISOString()) });
  return {
    data: { string: text },
    metadata: {
      QueueTrigger: { string: text },
      DequeueCount: { json: String(message.dequeueCount) },
      Id: { string: message.messageId },
      PopReceipt: { string: message.popReceipt },
      InsertionTime: date(message.insertedOn),
      ExpirationTime: date(message.expiresOn),
      NextVisibleTime: date(message.nextVisibleOn),
    },
  };
}
