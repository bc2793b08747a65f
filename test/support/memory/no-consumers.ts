import { Calls } from './calls.ts';
import { MemoryCertificates } from './certificates.ts';
import { MemoryAdoptions, MemoryConsumers } from './consumers.ts';

/** For an engine that looks for nobody, as one whose settings name no subscription. */
export const NO_CONSUMERS = {
  certificates: new MemoryCertificates(new Calls()),
  discovery: new MemoryConsumers(new Calls()),
  consumers: [],
  adoptions: new MemoryAdoptions(new Calls(), { now: () => new Date(0), after: () => () => undefined }),
};
