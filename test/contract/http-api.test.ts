import { PROVIDERS } from '../../sandbox/http-api/providers/index.ts';
import { READY } from '../../src/rotators/http-api/descriptions/index.ts';
import { expect, it } from 'vitest';
import { HttpApiHarness } from './http-api.harness.ts';
import { describeRotator } from './rotator-suite.ts';

it('the sandbox plays every description that comes with Keyturn', () => {
  expect([...PROVIDERS.keys()].sort()).toEqual([...READY.keys()].sort());
});

for (const name of READY.keys()) describeRotator(new HttpApiHarness(name));
