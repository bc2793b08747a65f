import type { QueueClient } from '@azure/storage-queue';
import type {
  Call,
  NoticeMessage,
  NoticeQueue,
  ObjectRef,
  PropagateMessage,
  RotateMessage,
  WorkQueue,
} from '../rotation/ports.ts';
import names from '../names.json' with { type: 'json' };
import { configInvalid } from '../rotation/errors.ts';
import { isMissingContainer, storageError } from './errors.ts';
import { once, type StorageDeps } from './storage.ts';

export const ROTATION_QUEUE = names.queues.rotation;
export const PROPAGATION_QUEUE = names.queues.propagation;
export const NOTICE_QUEUE = names.queues.notices;

/** A message can be hidden for seven days at most; the service refuses more. */
const MAX_DELAY_SECONDS = 7 * 24 * 3600;

/**
 * The work queues on `@azure/storage-queue`. Messages are base64 of JSON, which is what the Functions host reads by
 * default, and never expire. A queue that is not there yet is made when the first message meets its absence.
 * One request for each message; the SDK's own retries are off.
 */
export function createWorkQueue(deps: StorageDeps): WorkQueue {
  const rotation = once(() => connect(ROTATION_QUEUE, deps));
  const propagation = once(() => connect(PROPAGATION_QUEUE, deps));
  return {
    rotate: (message, delayMs, call) => send(rotation, [ROTATION_QUEUE, message.object], message, delayMs, call),
    propagate: (message, delayMs, call) =>
      send(propagation, [PROPAGATION_QUEUE, message.object], message, delayMs, call),
  };
}

/** Notices on their way to channels, likewise. */
export function createNoticeQueue(deps: StorageDeps): NoticeQueue {
  const notices = once(() => connect(NOTICE_QUEUE, deps));
  return {
    notify: (message, delayMs, call) => send(notices, [NOTICE_QUEUE, message.notice.object], message, delayMs, call),
  };
}

async function connect(name: string, deps: StorageDeps): Promise<QueueClient> {
  const { QueueClient: Client } = await import('@azure/storage-queue');
  const options = { retryOptions: { maxTries: 1 } };
  if (deps.connectionString !== undefined) return new Client(deps.connectionString.reveal(), name, options);
  if (deps.queueUri === undefined) {
    const problem = { path: 'settings.KeyturnStorage__queueServiceUri', message: 'is required' };
    throw configInvalid('the storage account is not configured', [problem]);
  }
  return new Client(`${deps.queueUri}/${name}`, await deps.credential(), options);
}

async function send(
  client: () => Promise<QueueClient>,
  [queue, object]: readonly [queue: string, object: ObjectRef],
  message: RotateMessage | PropagateMessage | NoticeMessage,
  delayMs: number,
  call: Call,
): Promise<void> {
  const action = {
    doing: `putting ${object.vault}/${object.kind}s/${object.name} into the queue ${queue}`,
    writes: true,
  };
  const text = Buffer.from(JSON.stringify(message), 'utf8').toString('base64');
  const seconds = Math.ceil(Math.max(0, delayMs) / 1000);
  const options = {
    visibilityTimeout: Math.min(seconds, MAX_DELAY_SECONDS),
    messageTimeToLive: -1,
    abortSignal: call.signal,
  };
  try {
    const on = await client();
    try {
      await on.sendMessage(text, options);
    } catch (error) {
      if (!isMissingContainer(error)) throw error;
      await on.createIfNotExists({ abortSignal: call.signal });
      await on.sendMessage(text, options);
    }
  } catch (error) {
    throw storageError(error, 'queue', action, call.now());
  }
}
