import { afterAll, beforeAll } from 'vitest';
import { startKeyWorld, type KeyWorld } from '../support/key-world.ts';
import { describeKeyCrashes } from './key-crash-suite.ts';

let world: KeyWorld | undefined;

beforeAll(async () => {
  world = await startKeyWorld();
});

afterAll(() => world?.stop());

/** With the SDK for keys and the generic ARM client, against the simulated vault and ARM, and the journal in Azurite. */
describeKeyCrashes(
  'vault-key over the wire',
  (setting) => {
    if (world === undefined) throw new Error('there is no world');
    return world.stage(setting);
  },
  { light: true },
);
