import type { InvocationContext } from '@azure/functions';

/** How a queue message arrived. */
export interface Delivery {
  /** How often the message was taken from the queue, this time included: 1 on the first delivery. */
  readonly dequeueCount: number;
  /** The message's id, the same on every delivery; the invocation's id should the host not give one. */
  readonly id: string;
}

export function delivery(context: InvocationContext): Delivery {
  const { dequeueCount, id } = context.triggerMetadata ?? {};
  return {
    dequeueCount: typeof dequeueCount === 'number' ? dequeueCount : 1,
    id: typeof id === 'string' ? id : context.invocationId,
  };
}
