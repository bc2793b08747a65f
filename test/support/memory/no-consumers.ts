import { Calls } from './calls.ts';
import { MemoryCertificates } from './certificates.ts';
import { MemoryNotices } from './notices.ts';
import { MemoryAdoptions, MemoryConsumers } from './consumers.ts';

const CLOCK = { now: () => new Date(0), after: () => () => undefined };

/** For an engine that looks for nobody, as one whose settings name no subscription and no channel. */
export const NO_CONSUMERS = {
  certificates: new MemoryCertificates(new Calls(), CLOCK),
  notices: new MemoryNotices(new Calls()),
  discovery: new MemoryConsumers(new Calls()),
  consumers: [],
  adoptions: new MemoryAdoptions(new Calls(), CLOCK),
};
