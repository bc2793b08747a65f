import type { ConsumerAdapter } from './adapter.ts';

/** Every kind of consumer that there is: a new one is one line here. Nothing is reached before one is used. */
export function createConsumers(): readonly ConsumerAdapter[] {
  return [];
}
